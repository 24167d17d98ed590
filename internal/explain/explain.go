package explain

import (
	"fmt"
	"reflect"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Explain answers the question about the mesh, unless it is about a policy. An error is the asker's: the target or its port does not exist.
func Explain(i model.Inventory, q Question) (Answer, error) {
	whole := mesh.New(i, "")
	target, workloads, err := find(whole, q)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Question: q, Target: target, Notes: meshNotes(whole)}
	about, err := each(i, whole, workloads, q)
	if err != nil {
		return Answer{}, err
	}
	for _, w := range about {
		answer.Workloads = addWorkload(answer.Workloads, w)
	}
	return limited(answer)
}

// Pods says everything about workloads, one by one: those of an inventory, or some of their pods.
func Pods(i model.Inventory, workloads []*model.Workload) ([]Workload, error) {
	return each(i, mesh.New(i, ""), workloads, Question{All: true})
}

// each says of each of the workloads what is asked, as the control plane that serves it has the mesh.
func each(i model.Inventory, whole *mesh.View, workloads []*model.Workload, q Question) ([]Workload, error) {
	return eachBy(i, whole, workloads, func(v *view, w *model.Workload) (Workload, error) { return v.workload(w, q) })
}

// eachBy returns what is said of each of the workloads, asked of the control plane that serves it.
func eachBy(
	i model.Inventory, whole *mesh.View, workloads []*model.Workload, say func(*view, *model.Workload) (Workload, error),
) ([]Workload, error) {
	views := map[string]*view{}
	all := make([]Workload, 0, len(workloads))
	for _, w := range workloads {
		revision, _ := mesh.ServedBy(whole, w)
		if views[revision] == nil {
			views[revision] = newView(i, revision)
		}
		about, err := say(views[revision], w)
		if err != nil {
			return nil, err
		}
		all = append(all, about)
	}
	return all, nil
}

// meshNotes returns what is to be known of the mesh as a whole.
func meshNotes(v *mesh.View) []string {
	var notes []string
	if problem := v.Mesh().Problem; problem != "" {
		notes = append(notes, problem)
	}
	if v.Partial() {
		notes = append(notes, "Not all of the mesh could be read. What could not be seen is taken as not there, and may decide otherwise.")
	}
	return notes
}

// workload says everything about pods that are alike.
func (v *view) workload(w *model.Workload, q Question) (Workload, error) {
	about := v.taken(w)
	var err error
	if q.Outbound() {
		about.Outbound, about.Omitted, err = v.outbound(w, q)
	}
	return about, err
}

// takes reports whether anything is said of inbound connections.
func (w Workload) takes() bool {
	return len(w.Inbound)+len(w.Ignored)+len(w.Listeners)+len(w.Dropped) > 0
}

// taken says everything about pods that are alike but what they send.
func (v *view) taken(w *model.Workload) Workload {
	about := Workload{
		Namespace: w.Namespace, Example: w.Example, Pods: w.Count, Proxy: proxyOf(w), Revision: v.Revision(), Notes: v.notes(w),
	}
	if about.Proxy == ProxyGateway {
		about.Listeners, about.Dropped = v.listeners(w)
		about.Notes = append(about.Notes, v.misfits(w)...)
	} else {
		about.Inbound, about.Ignored = v.inbound(w)
	}
	return about
}

func proxyOf(w *model.Workload) Proxy {
	switch {
	case w.Dataplane == model.DataplaneSidecar && w.Gateway:
		return ProxyGateway
	case w.Dataplane == model.DataplaneSidecar:
		return ProxySidecar
	case w.Dataplane == model.DataplaneAmbient:
		return ProxyAmbient
	default:
		return ProxyNone
	}
}

const (
	labelInjection = "istio-injection"
	labelWaypoint  = "istio.io/use-waypoint"
)

// notes returns what holds for all connections of the pods.
func (v *view) notes(w *model.Workload) []string {
	var notes []string
	labels := v.Namespace(w.Namespace).Labels
	switch w.Dataplane {
	case model.DataplaneAmbient:
		notes = append(notes, "The node's ztunnel carries these pods' traffic, through a tunnel of mutual TLS (HBONE) where the other side can. "+
			"It reads no DestinationRule and no VirtualService, and of a PeerAuthentication whether plaintext is refused.")
	case model.DataplaneNone:
		notes = append(notes, "These pods have no proxy: they send and take what their application does, and no Istio object changes that.")
		if _, revision := labels[meshtlsv1alpha1.LabelRevision]; revision || labels[labelInjection] == "enabled" {
			notes = append(notes, fmt.Sprintf("Namespace %s asks for sidecars; pods that were made before it did, or that refuse, have none.",
				w.Namespace))
		}
	}
	if waypoint := labels[labelWaypoint]; waypoint != "" && waypoint != "none" {
		notes = append(notes, fmt.Sprintf("Traffic to these pods goes through the waypoint %s, which is not looked at here.", waypoint))
	}
	return notes
}

// addWorkload adds the workload, or its pods to a workload that differs in nothing else.
func addWorkload(all []Workload, about Workload) []Workload {
	for i := range all {
		same := all[i]
		same.Example, same.Pods = about.Example, about.Pods
		if reflect.DeepEqual(same, about) {
			all[i].Pods += about.Pods
			return all
		}
	}
	return append(all, about)
}
