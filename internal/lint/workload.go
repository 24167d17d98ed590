package lint

var workloadChecks []Check
