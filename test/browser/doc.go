// Package browser has a real browser look at a page that a test serves: a script in ui/tests drives it, and says how long its steps took.
package browser
