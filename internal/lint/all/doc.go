// Package all lists the checks of every kind of object and runs them over a
// mesh.
//
// It holds no check of its own. A new check adds itself to the package of its
// kind; only a new kind needs a line here.
package all
