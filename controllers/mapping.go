package controllers

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

// mapping finds the namespaces whose compile an event concerns: those whose snapshots asked a question that the object is part of the
// answer to. Of an update it is asked about the object before and after.
type mapping struct {
	cache      client.Reader
	dependents *dependents
}

// of is for objects of a kind.
func (m mapping) of(kind string) handler.MapFunc {
	return func(_ context.Context, obj client.Object) []ctrl.Request {
		namespaces := m.dependents.on(gather.ReadsOf(kind, obj))
		if m.isReason(kind, obj) {
			namespaces = append(namespaces, obj.GetNamespace())
		}
		return requests(namespaces)
	}
}

// isReason reports whether the object is a reason to compile its namespace that has not had a pass: a policy, or what we wrote and nobody
// may want any more.
func (m mapping) isReason(kind string, obj client.Object) bool {
	return kind == model.KindPolicy || model.Ours(obj)
}

// everything returns all namespaces with policies: what can be read has changed.
func (m mapping) everything(ctx context.Context, _ client.Object) []ctrl.Request {
	namespaces, err := gather.Namespaces(ctx, m.cache)
	if err != nil { // the cache gives one only while it is stopping
		ctrl.LoggerFrom(ctx).Error(err, "looking up whom an event concerns")
	}
	return requests(namespaces)
}

// requests asks for each namespace once.
func requests(namespaces []string) []ctrl.Request {
	var all []ctrl.Request
	for _, namespace := range sets.List(sets.New(namespaces...)) {
		all = append(all, ctrl.Request{NamespacedName: types.NamespacedName{Name: namespace}})
	}
	return all
}
