package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/yaml"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ErrNoAudit: the control plane was started without Options.Audit.
var ErrNoAudit = errors.New("no audit log: start the control plane with Options.Audit")

// auditPolicy logs each request on arrival, so that none is missing from the log by the time it is answered, and with its answer.
func auditPolicy() auditv1.Policy {
	return auditv1.Policy{
		TypeMeta:   metav1.TypeMeta{APIVersion: auditv1.SchemeGroupVersion.String(), Kind: "Policy"},
		OmitStages: []auditv1.Stage{auditv1.StageResponseStarted},
		Rules:      []auditv1.PolicyRule{{Level: auditv1.LevelMetadata}},
	}
}

// enableAudit makes the API server write the audit log.
func (c *ControlPlane) enableAudit() error {
	policy, err := yaml.Marshal(auditPolicy())
	if err != nil {
		return fmt.Errorf("encoding the audit policy: %w", err)
	}
	policyFile := c.workspace.path("audit-policy.yaml")
	if err := os.WriteFile(policyFile, policy, 0o600); err != nil {
		return fmt.Errorf("writing the audit policy: %w", err)
	}
	c.auditLog = c.workspace.path("logs", "audit.log")
	c.servers.GetAPIServer().Configure().
		Set("audit-policy-file", policyFile).
		Set("audit-log-path", c.auditLog)
	return nil
}

// Requests returns the requests of a user since the start, oldest first.
func (c *ControlPlane) Requests(user string) ([]auditv1.Event, error) {
	return c.audited(user, auditv1.StageRequestReceived)
}

// Answers returns the requests of a user that have been answered since the start, with the code of the answer. A watch is answered
// when it ends, unless it is refused.
func (c *ControlPlane) Answers(user string) ([]auditv1.Event, error) {
	return c.audited(user, auditv1.StageResponseComplete)
}

// audited returns what the log says of a user at a stage.
func (c *ControlPlane) audited(user string, stage auditv1.Stage) ([]auditv1.Event, error) {
	if c.auditLog == "" {
		return nil, ErrNoAudit
	}
	file, err := os.Open(c.auditLog)
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	defer func() { _ = file.Close() }()
	var found []auditv1.Event
	for decoder := json.NewDecoder(file); ; {
		var event auditv1.Event
		switch err := decoder.Decode(&event); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // the last line may be in the writing
			return found, nil
		case err != nil:
			return nil, fmt.Errorf("reading the audit log: %w", err)
		case event.User.Username == user && event.Stage == stage:
			found = append(found, event)
		}
	}
}
