package gitops

// go test hands what follows -args to the tests of every package: Ginkgo's flags, such as the seed, must be known here too.
import _ "github.com/onsi/ginkgo/v2"
