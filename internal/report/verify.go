package report

import (
	"cmp"
	"fmt"
	"io"
	"strconv"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/proxy"
)

// Verification is what proxies run, beside what the objects of the mesh come to.
type Verification struct {
	// Target is whose proxies were asked; zero: all of the mesh.
	Target  model.ObjectRef `json:"target,omitzero"`
	Proxies []proxy.Verdict `json:"proxies"`
}

// VerificationJSON writes it for programs.
func VerificationJSON(out io.Writer, v Verification) error { return versioned(out, EvidenceVersion, v) }

// VerificationText writes it for people: a line for each proxy, what differs below it, and a line that sums up.
func VerificationText(out io.Writer, v Verification, style Style) error {
	x := explanation{style: style}
	rows := make([]row, 0, len(v.Proxies))
	for _, p := range v.Proxies {
		rows = append(rows, row{
			colour: stateColours[p.State],
			cells: []string{
				p.Namespace + "/" + p.Pod, string(p.Proxy), cmp.Or(p.Revision, "default"), stateWords[p.State], strconv.Itoa(p.Compared),
				certificateWords(p),
			},
			below: belowProxy(p),
		})
	}
	if len(rows) > 0 {
		x.table([]string{"PROXY", "KIND", "REVISION", "STATE", "COMPARED", "CERTIFICATE"}, rows)
		x.text.WriteString("\n")
	}
	x.text.WriteString(v.words(style) + "\n")
	_, err := io.WriteString(out, x.text.String())
	return err
}

// stateWords and stateColours are for people.
var (
	stateWords   = map[proxy.State]string{proxy.StateAsSaid: "as said", proxy.StateDiffers: "differs", proxy.StateNotAsked: "not asked"}
	stateColours = map[proxy.State]string{proxy.StateDiffers: red, proxy.StateNotAsked: yellow}
)

func certificateWords(p proxy.Verdict) string {
	switch {
	case p.State == proxy.StateNotAsked:
		return "unknown"
	case p.Certificate == nil:
		return "none"
	}
	return fmt.Sprintf("until %s, by %s", p.Certificate.NotAfter.UTC().Format("2006-01-02 15:04"), p.Certificate.Issuer)
}

// belowProxy returns the differences of a proxy, and what may have made them.
func belowProxy(p proxy.Verdict) []string {
	var lines []string
	if p.Problem != "" {
		lines = append(lines, p.Problem)
	}
	for _, d := range p.Differences {
		line := fmt.Sprintf("%s: it runs %s, want %s", d.Place(), d.Runs, d.Want)
		if d.DecidedBy != nil {
			line += " by " + d.DecidedBy.String()
		}
		lines = append(lines, line+".")
	}
	for _, c := range p.Causes {
		lines = append(lines, c.Message)
	}
	return lines
}

// words sum up.
func (v Verification) words(style Style) string {
	if len(v.Proxies) == 0 {
		return "There are no proxies to ask."
	}
	differ, silent := proxy.Count(v.Proxies, proxy.StateDiffers), proxy.Count(v.Proxies, proxy.StateNotAsked)
	all := counted(len(v.Proxies), "proxy", "proxies")
	switch {
	case differ == 0 && silent == 0:
		return all + ": what they run is what the objects of the mesh come to."
	case differ == 0:
		return style.paint(yellow, fmt.Sprintf("%d of %s could not be asked.", silent, all))
	}
	words := fmt.Sprintf("%s: %s from what the objects of the mesh come to", all, counted(differ, "differs", "differ"))
	if silent > 0 {
		words += fmt.Sprintf(", %d could not be asked", silent)
	}
	return style.paint(red, words+".")
}
