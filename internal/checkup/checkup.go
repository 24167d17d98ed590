package checkup

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// State is how something is.
type State string

// The states, from well to ill.
const (
	// OK: as it should be.
	OK State = "OK"
	// Unknown: it could not be read.
	Unknown State = "Unknown"
	// Warning: it works, and probably not as meant.
	Warning State = "Warning"
	// Failed: it does not work.
	Failed State = "Failed"
)

// Line is the answer to one question.
type Line struct {
	Check   string `json:"check"`
	State   State  `json:"state"`
	Message string `json:"message"`
	// Remedy is what to do; empty: nothing.
	Remedy string `json:"remedy,omitempty"`
	// Docs is the page that says more.
	Docs string `json:"docs"`
}

// Facts are what was read of a cluster.
type Facts struct {
	// Pre asks whether the operator can be installed; else it is to be there.
	Pre bool
	// Version is the plugin's, and Server that of Kubernetes; Minor is its minor number.
	Version, Server string
	Minor           int
	// CRD is the definition in the cluster, as its versions say, and WantCRD that of the plugin; nil: there is none.
	CRD, WantCRD any
	// Missing are the kinds that the cluster does not serve. Forbidden are the kinds that the user may not list in all namespaces.
	Missing, Forbidden sets.Set[string]
	Deployments        []appsv1.Deployment
	// Lease is that of the operator's leader; nil: there is none.
	Lease *Lease
	// Denied are the rights that the user lacks, as verb and resource, of those that were asked about.
	Denied []string
	// Bindings are the admission policies about MeshTLSPolicies that are bound, each with its actions.
	Bindings []Binding
	// Inventory is the mesh. Injectors are the webhook configurations that inject sidecars.
	Inventory model.Inventory
	Injectors []string
	// Policies are those that there are, each as namespace/name, with what is wrong with its status; empty: nothing.
	Policies []Policy
	// Drifted are the objects that differ from what the policies come to.
	Drifted []string
	// Unread says why something could not be read, by the name of the check.
	Unread map[string]error
	Now    metav1.Time
}

// Lease is who leads.
type Lease struct {
	Holder string
	// Renewed is when it was renewed last, and Seconds how long that holds.
	Renewed metav1.Time
	Seconds int32
}

// Binding is an admission policy that is bound.
type Binding struct {
	Name string
	// Denies says that what it refuses is refused, and not only told.
	Denies bool
}

// Policy is a policy as far as it is looked at here.
type Policy struct {
	Name string
	// Remark says why its status is not to be believed; empty: it is.
	Remark string
	// Rollout says that it observes before it becomes Strict.
	Rollout bool
}

// pages is where the documentation is.
const pages = "https://github.com/meshtls/meshtls/blob/main/docs/"

// check is a question about the facts.
type check struct {
	name, page string
	// installed says that it is only asked where the operator is to be there.
	installed bool
	ask       func(f Facts) answer
}

// answer is a Line without what every line of its check has.
type answer struct {
	state           State
	message, remedy string
}

func well(format string, values ...any) answer {
	return answer{state: OK, message: fmt.Sprintf(format, values...)}
}

// checks are the questions, in the order of the answers.
var checks = []check{
	{name: "api-server", page: "install.md", ask: apiServer},
	{name: "rights", page: "install.md#kustomize", ask: rights},
	{name: "istio-crds", page: "install.md", ask: istioCRDs},
	{name: "mesh-config", page: "spec.md#mesh-config", ask: meshConfig},
	{name: "revisions", page: "spec.md#mesh-config", ask: knownRevisions},
	{name: "injection", page: "tasks/kind.md", ask: injection},
	{name: "crd", page: "upgrade.md", ask: crdEqual},
	{name: "deployment", page: "install.md#check", installed: true, ask: deployment},
	{name: "leader", page: "install.md#check", installed: true, ask: leader},
	{name: "admission", page: "install.md#kustomize", installed: true, ask: admission},
	{name: "statuses", page: "tasks/troubleshooting.md#the-policy", installed: true, ask: statuses},
	{name: "drift", page: "tasks/troubleshooting.md#your-change-vanishes", installed: true, ask: drift},
	{name: "prometheus", page: "install.md#evidence", installed: true, ask: prometheus},
}

// Lines answers all questions about the facts.
func Lines(f Facts) []Line {
	var lines []Line
	for _, c := range checks {
		if c.installed && f.Pre {
			continue
		}
		line := Line{Check: c.name, Docs: pages + c.page}
		if err := f.Unread[c.name]; err != nil {
			line.State, line.Message = Unknown, fmt.Sprintf("It could not be read: %v.", err)
		} else {
			a := c.ask(f)
			line.State, line.Message, line.Remedy = a.state, a.message, a.remedy
		}
		lines = append(lines, line)
	}
	return lines
}

// Worst returns the worst state of the lines.
func Worst(lines []Line) State {
	order := []State{OK, Unknown, Warning, Failed}
	worst := 0
	for _, line := range lines {
		for i, state := range order {
			if line.State == state {
				worst = max(worst, i)
			}
		}
	}
	return order[worst]
}
