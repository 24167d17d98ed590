package lint

var credentialChecks []Check
