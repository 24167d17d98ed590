// Package install holds the specs of what is installed, on a real control
// plane: the manifests of config and charts as the API server takes them, who
// may write a policy, and which of the granted rights the operator uses. What
// the operator does with policies is the matter of the suite operator.
package install
