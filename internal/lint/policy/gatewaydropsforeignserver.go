package policy

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "gateway-drops-foreign-server",
		Severity: []lint.Severity{lint.Warning},
		Finds:    "a server of theirs that Istio leaves out because ours is older. Ours works.",
		Why:      "Its owner hears nothing of it: Istio writes no status there.",
		Fix:      "Tell the owner, or use another host, port or bind.",
	}, gatewayDropsForeignServer)
}

// gatewayDropsForeignServer tells of servers of other people that Istio leaves out because of one of ours, which is older.
func gatewayDropsForeignServer(w world) []model.Finding {
	return w.onDropped(func(v view, d istio.Dropped) []model.Finding {
		ours, planned := v.gateways[d.By.Ref()]
		if _, both := v.gateways[d.Server.Ref()]; both || !planned || !v.judges(ours) {
			return nil
		}
		return []model.Finding{{
			Severity: lint.Warning, Subject: model.PolicyRef(ownersOf(ours)[0]), Related: d.Server.Ref(),
			Field:   w.serverField(ours.OwnerReferences[0].Name, d.By.Index),
			Message: d.Why,
			Remedy:  fmt.Sprintf("Tell the owner of %s, or use another host, port or bind.", d.Server.Ref()),
		}}
	})
}
