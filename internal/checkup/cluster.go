package checkup

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// oldestMinor is the first release of Kubernetes 1 whose admission policies need no feature gate.
const oldestMinor = 30

func apiServer(f Facts) answer {
	if f.Minor > 0 && f.Minor < oldestMinor {
		return answer{Failed, fmt.Sprintf("It is Kubernetes %s.", f.Server), fmt.Sprintf("Upgrade to Kubernetes 1.%d or later.", oldestMinor)}
	}
	return well("It is Kubernetes %s.", f.Server)
}

func rights(f Facts) answer {
	switch {
	case len(f.Denied) > 0 && f.Pre:
		return answer{
			Failed, "You may not " + listed(f.Denied) + ", which the installation does.",
			"Ask for these rights, or have somebody install it who has them.",
		}
	case len(f.Denied) > 0:
		return answer{
			Warning, "You may not " + listed(f.Denied) + ", so what depends on these objects is not judged.",
			"Ask for these rights to check all of it.",
		}
	case f.Pre:
		return well("You may create all that the installation consists of.")
	default:
		return well("You may list all that the operator reads.")
	}
}

// needed are the kinds that the operator writes.
var needed = []string{model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway}

func istioCRDs(f Facts) answer {
	lacking := sets.List(f.Missing.Intersection(sets.New(needed...)))
	if len(lacking) > 0 {
		return answer{
			Failed, "The cluster does not know " + listed(lacking) + ", which the operator writes.",
			"Install Istio. Policies say IstioCRDsMissing until then.",
		}
	}
	return well("The cluster knows %s.", listed(needed))
}

func meshConfig(f Facts) answer {
	mesh := f.Inventory.Mesh
	switch {
	case mesh.Problem != "":
		return answer{Warning, mesh.Problem, "Name Istio's namespace with --istio-namespace, and the operator's with its flag of that name."}
	case !mesh.AutoMTLS:
		return answer{
			Warning, "Auto mTLS is off: clients use mutual TLS only where a DestinationRule tells them.", "Set enableAutoMtls in the mesh config.",
		}
	default:
		return well("The root namespace is %s, and clients use mutual TLS of themselves where the server can.", mesh.RootNamespace)
	}
}

func knownRevisions(f Facts) answer {
	names, tags := sets.New[string](), map[string]string{}
	for _, t := range f.Inventory.Tags {
		names.Insert(cmp.Or(t.Revision, "default"))
		if t.Tag != "" {
			tags[t.Tag] = t.Revision
		}
	}
	if len(names) == 0 {
		return answer{
			Warning, "No webhook names a control plane, so its revisions are not known.", "Install Istio's control plane with its injector.",
		}
	}
	message := "Control planes: " + strings.Join(sets.List(names), ", ")
	for _, tag := range sets.List(sets.KeySet(tags)) {
		message += fmt.Sprintf("; the tag %s stands for %s", tag, cmp.Or(tags[tag], "default"))
	}
	return well("%s.", message)
}

func injection(f Facts) answer {
	pods, proxies := 0, 0
	for _, w := range f.Inventory.Workloads {
		pods += w.Count
		if w.Dataplane != model.DataplaneNone {
			proxies += w.Count
		}
	}
	switch {
	case len(f.Injectors) == 0:
		return answer{
			Warning, fmt.Sprintf("No webhook injects sidecars; %d of %d pods are in the mesh.", proxies, pods),
			"Install Istio's injector, or put namespaces into ambient mode.",
		}
	case pods > 0 && proxies == 0:
		return answer{
			Warning, fmt.Sprintf("None of %d pods has a proxy or is in ambient mode, so no policy has an effect.", pods),
			"Label namespaces istio-injection=enabled, and restart their pods.",
		}
	default:
		return well("%s injects sidecars; %d of %d pods are in the mesh.", listed(f.Injectors), proxies, pods)
	}
}

func crdEqual(f Facts) answer {
	switch {
	case f.CRD == nil && f.Pre:
		return well("MeshTLSPolicy is not there yet, as it should be before the installation.")
	case f.CRD == nil:
		return answer{Failed, "The cluster does not know MeshTLSPolicy.", "Install the CRD: it comes before the operator."}
	case !reflect.DeepEqual(f.CRD, f.WantCRD):
		return answer{
			Warning, "The CRD of MeshTLSPolicy is not that of this plugin, " + f.Version + ".",
			"Use the plugin of the operator's release, or apply the CRD of yours: helm upgrade does not.",
		}
	default:
		return well("The CRD of MeshTLSPolicy is that of this plugin.")
	}
}

// listed writes words as an enumeration.
func listed(words []string) string {
	words = slices.Clone(words)
	slices.Sort(words)
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
