package checkup

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func deployment(f Facts) answer {
	switch {
	case len(f.Deployments) == 0:
		return answer{
			Failed, "No Deployment has the operator's label app.kubernetes.io/name=meshtls.",
			"Install the operator, or start it if it runs elsewhere.",
		}
	case len(f.Deployments) > 1:
		return answer{
			Failed, fmt.Sprintf("%d Deployments are the operator's, and would undo each other's writes.", len(f.Deployments)), "Delete all but one.",
		}
	}
	d := f.Deployments[0]
	name := fmt.Sprintf("Deployment %s/%s (%s)", d.Namespace, d.Name, image(d))
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	ready := fmt.Sprintf("%d of %d replicas of %s are ready.", d.Status.ReadyReplicas, wanted, name)
	switch {
	case d.Status.ReadyReplicas == 0:
		return answer{Failed, ready, "Read the log: kubectl logs -n " + d.Namespace + " deployment/" + d.Name + "."}
	case d.Status.ReadyReplicas < wanted:
		return answer{Warning, ready, "See kubectl get pods -n " + d.Namespace + " for what keeps the others."}
	default:
		return well("%s", ready)
	}
}

func image(d appsv1.Deployment) string {
	for _, c := range d.Spec.Template.Spec.Containers {
		return c.Image
	}
	return "without a container"
}

// flagOf returns the value of a flag of the operator, and whether it has it.
func flagOf(deployments []appsv1.Deployment, name string) (value string, set bool) {
	for _, d := range deployments {
		for _, c := range d.Spec.Template.Spec.Containers {
			if value, set := argument(c, name); set {
				return value, true
			}
		}
	}
	return "", false
}

func argument(c corev1.Container, name string) (value string, set bool) {
	args := slices.Concat(c.Command, c.Args)
	for i, arg := range args {
		given, isFlag := strings.CutPrefix("-"+strings.TrimLeft(arg, "-"), "-"+name)
		switch {
		case !isFlag || !strings.HasPrefix(arg, "-"):
		case strings.HasPrefix(given, "="):
			return given[1:], true
		case given == "" && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
			return args[i+1], true
		case given == "":
			return "true", true
		}
	}
	return "", false
}

// lateBy is how many times its length a lease may be old before nobody is taken to lead.
const lateBy = 2

func leader(f Facts) answer {
	elects, set := flagOf(f.Deployments, "leader-elect")
	switch {
	case (!set || elects == "false") && f.Lease == nil:
		return well("The operator runs without leader election.")
	case f.Lease == nil || f.Lease.Holder == "":
		return answer{Failed, "No replica of the operator leads, so nobody writes.", "See whether its pods run, and may write the lease."}
	}
	age := f.Now.Sub(f.Lease.Renewed.Time)
	if age > lateBy*time.Duration(f.Lease.Seconds)*time.Second {
		return answer{
			Failed, fmt.Sprintf("%s led last, %s ago, and nobody does now.", f.Lease.Holder, age.Round(time.Second)),
			"See whether the operator's pods run, and may write the lease.",
		}
	}
	return well("%s leads.", f.Lease.Holder)
}

func admission(f Facts) answer {
	for _, b := range f.Bindings {
		if b.Denies {
			return well("%s is bound: nobody obtains through a policy what they may not write themselves.", b.Name)
		}
	}
	if len(f.Bindings) > 0 {
		return answer{
			Warning, f.Bindings[0].Name + " is bound and denies nothing: who may write policies obtains Istio objects that they may not write.",
			"Let the binding's validationActions be [Deny].",
		}
	}
	return answer{
		Warning, "No admission policy for MeshTLSPolicies is bound: who may write policies obtains Istio objects that they may not write.",
		"Apply config/admission; the chart has it.",
	}
}

func statuses(f Facts) answer {
	var stale []string
	for _, p := range f.Policies {
		if p.Remark != "" {
			stale = append(stale, p.Name)
		}
	}
	switch {
	case len(f.Policies) == 0:
		return well("There are no policies.")
	case len(stale) > 0:
		return answer{
			Failed, fmt.Sprintf("Of %d policies these have no status of their last change: %s.", len(f.Policies), shortened(stale)),
			"See whether the operator runs, and watches these namespaces.",
		}
	default:
		return well("The statuses of all %d policies are of their last change.", len(f.Policies))
	}
}

func drift(f Facts) answer {
	if len(f.Drifted) > 0 {
		return answer{
			Failed, "What the policies come to is not what is there: " + shortened(f.Drifted) + ".",
			"Look again in a moment: the operator writes in steps. If it stays, see its log and the policies' conditions.",
		}
	}
	return well("All objects are as the policies ask.")
}

func prometheus(f Facts) answer {
	url, set := flagOf(f.Deployments, "prometheus-url")
	scrapes, _ := flagOf(f.Deployments, "evidence-scrape")
	rolling := slices.ContainsFunc(f.Policies, func(p Policy) bool { return p.Rollout })
	switch {
	case set && url != "":
		return well("The operator asks %s for Istio's metrics.", url)
	case scrapes == "true":
		return well("The operator reads the metrics of the proxies themselves.")
	case rolling:
		return answer{
			Warning, "Policies have rollouts, and the operator has no source of metrics: they stay Permissive.",
			"Name a Prometheus with --prometheus-url, or set --evidence-scrape.",
		}
	default:
		return well("The operator has no source of metrics, and no policy needs one.")
	}
}

// mostNamed is how many names a message has.
const mostNamed = 5

// shortened enumerates names, and counts those that are too many.
func shortened(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	if len(names) <= mostNamed {
		return listed(names)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], ", "), len(names)-mostNamed)
}
