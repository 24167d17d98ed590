package lint

var routeChecks []Check
