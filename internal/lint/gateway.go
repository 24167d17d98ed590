package lint

var gatewayChecks []Check
