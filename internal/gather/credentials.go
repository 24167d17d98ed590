package gather

import (
	"context"

	"github.com/meshtls/meshtls/internal/model"
)

// readCredentials reads the Secrets and ConfigMaps that could hold certificates, of the namespaces whose credentials may be read.
func (g *gathering) readCredentials(_ context.Context, i *model.Inventory) error {
	i.CredentialNamespaces = g.options.CredentialNamespaces
	return nil
}
