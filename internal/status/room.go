package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// maxSize is the most that a status takes, in bytes of JSON. etcd has 1.5 MiB for an object, with its spec and managed fields.
const maxSize = 256 << 10

// room is how much of what there is to say a status holds: texts in characters, lists in items. No room exceeds the CRD's schema: the
// API server would refuse the whole status, and the one from before would stay.
type room struct {
	// advice is the length of a finding's message with its remedy, words that of other sentences.
	advice, words int
	// field is the length of a path of fields, port that of a Service port as service:port.
	field, port int
	// terms are the items of a list that is one string: status.accepts, status.sends and status.serves.
	terms int
	// The others are the items of the lists of these names.
	findings, objects, acceptPorts, servicePorts int
}

// rooms are tried in this order, until the status takes no more than maxSize. In the last one it never does.
var rooms = []room{
	{advice: 4096, words: 4096, field: 1024, port: 127, terms: 16, findings: 32, objects: 8192, acceptPorts: 256, servicePorts: 64},
	{advice: 2048, words: 1024, field: 512, port: 127, terms: 16, findings: 32, objects: 512, acceptPorts: 128, servicePorts: 8},
	{advice: 512, words: 512, field: 256, port: 127, terms: 8, findings: 8, objects: 64, acceptPorts: 32, servicePorts: 2},
}

// fits reports whether the status is small enough.
func fits(s meshtlsv1alpha1.MeshTLSPolicyStatus) bool {
	if mostSize(s) <= maxSize {
		return true
	}
	encoded, err := json.Marshal(s)
	return err == nil && len(encoded) <= maxSize
}

// mostSize returns a size that the status does not exceed, without encoding it: a byte of text becomes up to six (\u0000), and the
// keys of an item take less than 256.
func mostSize(s meshtlsv1alpha1.MeshTLSPolicyStatus) int {
	text := len(s.Target) + len(s.Accepts) + len(s.Sends) + len(s.Serves) + len(s.Renders) + len(s.FindingsSummary)
	items := 1 + len(s.AcceptPorts) + len(s.Objects) + len(s.Findings) + len(s.Conditions)
	for _, p := range s.AcceptPorts {
		text += len(p.Origin) + len(strings.Join(p.ServicePorts, `","`))
	}
	for _, o := range s.Objects {
		text += len(o.Kind) + len(o.Name)
	}
	for _, f := range s.Findings {
		text += len(f.Check) + len(f.Field) + len(f.Message)
	}
	for _, c := range s.Conditions {
		text += len(c.Type) + len(c.Reason) + len(c.Message)
	}
	if s.Rollout != nil {
		text += len(s.Rollout.Message) + len(s.Rollout.Summary) + len(s.Rollout.ID) + len(s.Rollout.Approved)
		for _, b := range s.Rollout.Blockers {
			text += len(b.Client) + len(b.Server) + len(b.Service) + len(b.Protocol) + len(b.Hint)
		}
		items += 4 + 3*len(s.Rollout.Blockers) + (len(s.Rollout.StrictPorts)+len(s.Rollout.KeptPorts))/32
		for _, w := range slices.Concat(s.Rollout.StrictWorkloads, s.Rollout.KeptWorkloads) {
			items++
			text += len(w.Name) + len(w.Labels)
		}
	}
	return 6*text + 256*items
}

// findingsIn returns the findings, each with as much of its texts as there is room for.
func (r room) findingsIn(found []model.Finding) []model.Finding {
	findings := slices.Clone(found)
	for i, f := range findings {
		findings[i].Field = cut(f.Field, r.field)
		// A long message leaves the remedy a quarter.
		findings[i].Remedy = cut(f.Remedy, max(r.advice/4, r.advice-length(f.Message)-1))
		findings[i].Message = cut(f.Message, r.advice-length(findings[i].Remedy)-1)
	}
	return findings
}

// failuresIn returns the failures, each with as much of its error as there is room for: a webhook's message has any length.
func (r room) failuresIn(failed []model.Failure) []model.Failure {
	failures := slices.Clone(failed)
	for i, f := range failures {
		if f.Err != nil {
			failures[i].Err = errors.New(cut(f.Err.Error(), r.words))
		}
	}
	return failures
}

// meshIn returns the mesh with as much of what is not known of it as there is room for.
func (r room) meshIn(mesh model.Mesh) model.Mesh {
	mesh.Problem, mesh.Unseen = cut(mesh.Problem, r.words), cut(mesh.Unseen, r.words)
	return mesh
}

// acceptPortsIn returns the first of the ports.
func (r room) acceptPortsIn(all []meshtlsv1alpha1.AcceptPortStatus) []meshtlsv1alpha1.AcceptPortStatus {
	ports := slices.Clone(all[:min(len(all), r.acceptPorts)])
	for i, p := range ports {
		ports[i].Origin = cut(p.Origin, r.field)
		ports[i].ServicePorts = nil
		for _, port := range first(p.ServicePorts, r.servicePorts) {
			ports[i].ServicePorts = append(ports[i].ServicePorts, cut(port, r.port))
		}
	}
	return ports
}

// enumerate joins the first terms of a list.
func (r room) enumerate(terms []string, separator string) string {
	return cut(strings.Join(first(terms, r.terms), separator), r.words)
}

// first returns a list of at most count items. Where there are more, the last one counts those that are left out.
func first(items []string, count int) []string {
	if len(items) <= count {
		return items
	}
	return append(slices.Clone(items[:count-1]), leftOut(len(items)-count+1, ""))
}

// omitted returns how many items of a list there is no room for.
func omitted[T any](items []T, count int) int32 { return int32(max(0, len(items)-count)) }

// cut shortens a text to a number of characters; the last ones say how many are left out. Bytes that are no UTF-8 are replaced:
// JSON would replace them, and the status that is read back would never equal the one that was written.
func cut(text string, count int) string {
	tail := ""
	if total := length(text); total > count {
		kept := max(0, count-length(leftOut(total, " characters")))
		text, tail = firstCharacters(text, kept), leftOut(total-kept, " characters")
	}
	return strings.ToValidUTF8(text, string(utf8.RuneError)) + tail
}

func firstCharacters(text string, count int) string {
	for at := range text {
		if count == 0 {
			return text[:at]
		}
		count--
	}
	return text
}

func leftOut(count int, nouns string) string { return fmt.Sprintf("… (%d more%s)", count, nouns) }

// length counts characters, as the schema does.
func length(text string) int { return utf8.RuneCountInString(text) }
