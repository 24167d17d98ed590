package report

import (
	"fmt"
	"io"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/traffic"
)

// Preflight is what the configuration says of a target's switch to Strict.
type Preflight struct {
	// Target is what would be Strict; zero: the whole mesh.
	Target model.ObjectRef `json:"target,omitzero"`
	traffic.Preflight
	// ObserveFor is for how long traffic should be looked at, as evidence takes it.
	ObserveFor string `json:"observe"`
}

// PreflightJSON writes it for programs.
func PreflightJSON(out io.Writer, p Preflight) error {
	return versioned(out, EvidenceVersion, p.timed())
}

// PreflightYAML writes the same as YAML.
func PreflightYAML(out io.Writer, p Preflight) error {
	return versionedYAML(out, EvidenceVersion, p.timed())
}

func (p Preflight) timed() Preflight {
	p.ObserveFor = fmt.Sprintf("%dh", int(p.Observe.Hours()))
	return p
}

// PreflightText writes it for people.
func PreflightText(out io.Writer, p Preflight, style Style) error {
	x := explanation{style: style}
	title := "The mesh"
	if p.Target != (model.ObjectRef{}) {
		title = p.Target.String()
	}
	x.text.WriteString(style.paint(bold, title) + "\n")
	if len(p.Refused) > 0 {
		x.heading("Strict would refuse these, if they call")
		var rows []row
		for _, c := range p.Refused {
			rows = append(rows, row{colour: red, cells: []string{c.Who}, below: []string{c.Why}})
		}
		x.table([]string{"WHO"}, rows)
	}
	if len(p.WithoutProxy) > 0 {
		x.heading("Without a proxy: Strict would refuse them if they call, which only the traffic tells")
		for _, name := range p.WithoutProxy {
			x.text.WriteString("  " + name + "\n")
		}
	}
	if len(p.Jobs) > 0 {
		x.heading("CronJobs that run less than once a day")
		var rows []row
		for _, job := range p.Jobs {
			rows = append(rows, row{cells: []string{job.Namespace + "/" + job.Name, job.Schedule, job.Pause}})
		}
		x.table([]string{"NAME", "SCHEDULE", "LONGEST PAUSE"}, rows)
	}
	for _, name := range p.Unreadable {
		x.text.WriteString(Wrap("The schedule of CronJob "+name+" cannot be read.", style.Width, "  "))
	}
	fmt.Fprintf(&x.text, "\nLook at the traffic for at least %s: kubectl meshtls evidence --since %s\n",
		p.timed().ObserveFor, p.timed().ObserveFor)
	_, err := io.WriteString(out, x.text.String())
	return err
}
