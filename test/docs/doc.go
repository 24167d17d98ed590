// Package docs holds the pages to what they say: every YAML block can be read,
// every link leads somewhere, and the policies of the task pages are Ready.
package docs
