// Package operator holds the specs of the whole operator on a real control
// plane: what it writes, what it puts right, what it leaves alone, and how many
// requests that costs. It runs in this process, as a ServiceAccount that has the
// rights of config/rbac and no others.
package operator
