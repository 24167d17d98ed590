package mesh

import (
	"github.com/meshtls/meshtls/internal/model"
)

// ReadsRules reports whether the workload has a proxy that reads DestinationRules: a sidecar or a gateway. ztunnel reads none.
func ReadsRules(w *model.Workload) bool { return w.Dataplane == model.DataplaneSidecar }
