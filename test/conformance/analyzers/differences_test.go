package analyzers

// differences are those that are known, each with its reason.
var differences = map[difference]string{}
