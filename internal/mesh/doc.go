// Package mesh is one view of a mesh: what the control plane of one revision
// sees of an inventory, indexed, and what becomes of each connection.
//
// It puts the inventory and the model of Istio (package istio) together and
// answers the questions that every reader of a mesh asks: who carries a
// setting, which clients a DestinationRule is for, which Service ports lead to
// a port, where a call ends and how. Lint, the checks of policies, explain,
// the importer and the compile ask it, so all of them get the same answer.
//
// It holds no finding and no words for users: what an answer means for
// somebody is for its readers to say. It notes which kinds of objects a reader
// asked for (Reads), so nobody has to declare them.
package mesh
