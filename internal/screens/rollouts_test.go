package screens

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
)

// rollingOut is a policy for catalog, by way of a rollout with these settings and this status.
func rollingOut(name, target, settings, status string) string {
	return fmt.Sprintf("---\n{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: %s, namespace: shop}, "+
		"spec: {%saccept: {mode: Strict, rollout: {%s}}}, status: {rollout: {mode: Permissive, %s}}}\n", name, target, settings, status)
}

const forCatalog = "workload: {service: catalog}, "

func TestRollouts(t *testing.T) {
	clean := `cleanSince: "2026-11-30T12:00:00Z"`
	tests := map[string]struct {
		settings, status string
		files            bool
		managed          bool
		next             string
		cleanUntil       string
		commands         []string
	}{
		"observing": {
			settings: "observe: 48h", status: "phase: Observing, " + clean, next: "the target becomes Strict", cleanUntil: "2026-12-02T12:00:00Z",
			commands: []string{"Pause: kubectl meshtls rollout pause catalog -n shop --apply"},
		},
		"time that does not count has no end": {
			settings: "observe: 48h", status: `phase: Observing, stoppedAt: "2026-11-30T13:00:00Z", ` + clean, next: "source of evidence",
			commands: []string{"Pause: kubectl meshtls rollout pause catalog -n shop --apply"},
		},
		"observing with a gate of somebody's": {
			settings: "gate: Manual", status: "phase: Observing, " + clean, next: "somebody to approve", cleanUntil: "2026-12-01T12:00:00Z",
			commands: []string{"Pause: kubectl meshtls rollout pause catalog -n shop --apply"},
		},
		"blocked": {
			status: "phase: Blocked, " + clean, next: "observes again",
			commands: []string{"Pause: kubectl meshtls rollout pause catalog -n shop --apply"},
		},
		"awaiting an approval": {
			settings: "gate: Manual", status: "phase: AwaitingApproval", next: "once somebody approves",
			commands: []string{
				"Approve: kubectl meshtls rollout approve catalog -n shop --apply", "Pause: kubectl meshtls rollout pause catalog -n shop --apply",
			},
		},
		"paused": {
			settings: "paused: true", status: "phase: Paused", next: "until the rollout is resumed",
			commands: []string{"Resume: kubectl meshtls rollout resume catalog -n shop --apply"},
		},
		"waiting": {
			status: "phase: Waiting", next: "has pods with a proxy",
			commands: []string{"Pause: kubectl meshtls rollout pause catalog -n shop --apply"},
		},
		"switching": {
			status: "phase: Switching", next: "all its connections",
			commands: []string{"Pause: kubectl meshtls rollout pause catalog -n shop --apply"},
		},
		"in probation": {status: "phase: Probation", next: "probation is over"},
		"completed":    {status: "phase: Completed", next: "no longer needs"},
		"undone":       {status: "phase: Undone", next: "begins anew"},
		"a manifest is changed where it is": {
			status: "phase: Waiting", files: true, next: "pods", commands: []string{"Pause: kubectl meshtls rollout pause catalog -n shop"},
		},
		"a policy that Flux manages is changed where that takes it from": {
			status: "phase: Waiting", managed: true, next: "pods", commands: []string{"Pause: kubectl meshtls rollout pause catalog -n shop"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := pageOf(t, deployment("catalog", true, 8080), rollingOut("catalog", forCatalog, test.settings, test.status))
			p.Source.Files = test.files
			if test.managed {
				p.Policies[0].Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop"}
			}
			got := p.Overview(Traffic{}).Rollouts[0]
			if !strings.Contains(got.Next, test.next) {
				t.Errorf("next is %q, want %q in it", got.Next, test.next)
			}
			var until string
			if got.CleanUntil != nil {
				until = got.CleanUntil.UTC().Format("2006-01-02T15:04:05Z")
			}
			if until != test.cleanUntil {
				t.Errorf("the clean time is over at %q, want %q", until, test.cleanUntil)
			}
			var commands []string
			for _, c := range got.Commands {
				commands = append(commands, c.Does+": "+c.Text)
			}
			if !slices.Equal(commands, test.commands) {
				t.Errorf("commands are %q, want %q", commands, test.commands)
			}
		})
	}
}

func TestARolloutThatNobodyLookedAt(t *testing.T) {
	p := pageOf(t, deployment("catalog", true, 8080), rollingOut("catalog", forCatalog, "", "phase: Observing"))
	p.Policies[0].Status.Rollout = nil
	if got := p.rollouts()[0]; got.Phase != "" || !strings.Contains(got.Next, "has not looked") || len(got.Commands) > 0 {
		t.Errorf("the rollout is %+v", got)
	}
}

func TestRolloutsThatNeedSomebodyComeFirst(t *testing.T) {
	p := pageOf(t, rollingOut("a", "", "", "phase: Completed"), rollingOut("b", forCatalog, "", "phase: Observing"),
		rollingOut("c", forCatalog, "", "phase: Blocked"), policy)
	var got []string
	for _, r := range p.rollouts() {
		got = append(got, r.Name)
	}
	if want := []string{"c", "b", "a"}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
}

func TestRolloutsOfAWorkload(t *testing.T) {
	ofCatalog := rollingOut("catalog", forCatalog, "", "phase: Blocked")
	ofAll := rollingOut("all", "", "", "phase: Observing")
	tests := map[string]struct {
		policies []string
		bare     bool
		want     []string
	}{
		"the one of its own":                   {policies: []string{ofCatalog}, want: []string{"catalog"}},
		"the one of its namespace":             {policies: []string{ofAll}, want: []string{"all"}},
		"its own goes before the namespace's":  {policies: []string{ofAll, ofCatalog}, want: []string{"catalog"}},
		"one that waits for pods with a proxy": {policies: []string{ofCatalog}, bare: true, want: []string{"catalog"}},
		"one of another workload":              {policies: []string{rollingOut("web", "workload: {service: frontend}, ", "", "phase: Blocked")}},
		"a policy without a rollout":           {policies: []string{policy}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := pageOf(t, slices.Concat([]string{deployment("catalog", !test.bare, 8080, 9090), deployment("frontend", true, 8000)}, test.policies)...)
			detail, err := p.Detail(evidence.Workload{Namespace: "shop", Name: "catalog"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range detail.Rollouts {
				got = append(got, r.Name)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("rollouts are %v, want %v", got, test.want)
			}
		})
	}
}

func TestARolloutNamesItsWorkloads(t *testing.T) {
	p := pageOf(t, deployment("catalog", true, 8080), deployment("frontend", true, 8000), rollingOut("web", "workload: {service: frontend}, ", "", "phase: Blocked"))
	if got := p.rollouts()[0].Workloads; len(got) != 1 || p.workloads[got[0]].Name != "frontend" {
		t.Errorf("the workloads are %v", got)
	}
}

func TestTheDefaultsAreTheAPIs(t *testing.T) {
	p := pageOf(t, rollingOut("catalog", forCatalog, "", "phase: Blocked"))
	if got, want := fmt.Sprint(defaultRollout()), fmt.Sprint(p.Policies[0].Spec.Accept.Rollout); got != want {
		t.Errorf("the defaults are %s, want %s", got, want)
	}
}

func TestPreviewOfAWay(t *testing.T) {
	strict := meshtlsv1alpha1.AcceptStrict
	rollout := []string{"    mode: Strict", "    rollout:", "      gate: Evidence", "      observe: 24h", "      onRefusal: Hold", "      probation: 30m"}
	longer := rollingOut("catalog", forCatalog, "observe: 168h, gate: Manual", "phase: Observing")
	tests := map[string]struct {
		mesh    []string
		change  Change
		seen    *evidence.Observation
		ports   string
		refused []string
		steps   []string
		later   []string
		added   []string
		removed []string
	}{
		"by way of a rollout it is Permissive first": {
			change: Change{Mode: strict, Way: WayRollout}, seen: seenCall(8080), ports: "8080 Permissive, 0 Permissive", added: rollout,
			steps: []string{"The workload is Permissive until", "Then port by port", "Every open connection", "Refused calls are looked for"},
			later: []string{"legacy/crawler 8080 seen"},
		},
		"at once it refuses": {
			change: Change{Mode: strict, Way: WayAtOnce}, seen: seenCall(8080), ports: "8080 Strict, 0 Strict", added: []string{"    mode: Strict"},
			refused: []string{"legacy/crawler 8080 seen"},
		},
		"a rollout that is there stays": {
			mesh: []string{longer}, change: Change{Mode: strict, Way: WayRollout}, ports: "8080 Permissive, 0 Permissive",
			steps: []string{"for 168h", "Then", "Every", "Refused"},
		},
		"at once takes the rollout out": {
			mesh: []string{longer}, change: Change{Mode: strict, Way: WayAtOnce}, ports: "8080 Strict, 0 Strict",
			removed: []string{"    rollout:", "      observe: 168h"},
		},
		"another mode takes the rollout out": {
			mesh: []string{longer}, change: Change{Mode: meshtlsv1alpha1.AcceptPermissive}, ports: "8080 Permissive, 0 Permissive",
			added: []string{"    mode: Permissive"}, removed: []string{"    mode: Strict", "    rollout:", "      observe: 168h"},
		},
		"a change of a port leaves the rollout alone": {
			mesh: []string{longer}, change: Change{Ports: map[int32]meshtlsv1alpha1.AcceptMode{8080: strict}}, ports: "8080 Strict, 0 Permissive",
			steps: []string{"for 168h", "Then", "Every", "Refused"}, added: []string{"    - mode: Strict"},
		},
		"one that has come to the switch says where it stands": {
			mesh: []string{rollingOut("catalog", forCatalog, "", `phase: Switching, message: "At noon it becomes Strict."`)}, seen: seenCall(0),
			change: Change{Ports: map[int32]meshtlsv1alpha1.AcceptMode{8080: strict}}, ports: "8080 Strict, 0 Permissive",
			refused: []string{"legacy/crawler 0 seen"}, steps: []string{"At noon it becomes Strict."}, added: []string{"    - mode: Strict"},
		},
		"what is Strict already is not loosened": {
			mesh: []string{strictAll}, change: Change{Mode: strict, Way: WayRollout}, ports: "8080 Strict, 0 Strict", added: rollout,
			steps: []string{"nothing to roll out"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.change.Namespace, test.change.Name = "shop", "catalog"
			preview, err := pageOf(t, append(test.mesh, deployment("catalog", true, 8080))...).Preview(test.change, test.seen)
			if err != nil {
				t.Fatal(err)
			}
			if got := effectWords(preview.Ports); got != test.ports || preview.Rejected {
				t.Errorf("ports are %q, want %q; rejected: %v", got, test.ports, preview.Rejected)
			}
			if got := refusedWords(preview.Refused); !slices.Equal(got, test.refused) {
				t.Errorf("refused are %q, want %q", got, test.refused)
			}
			course := preview.Rollout
			if course == nil {
				course = &Course{}
			}
			if got := refusedWords(course.Refused); !slices.Equal(got, test.later) {
				t.Errorf("refused at the end are %q, want %q", got, test.later)
			}
			if !slices.EqualFunc(course.Steps, test.steps, strings.Contains) {
				t.Errorf("steps are %q, want %q in them", course.Steps, test.steps)
			}
			for _, line := range test.added {
				if !slices.Contains(preview.Diff, Line{Op: "+", Text: line}) {
					t.Errorf("the diff lacks +%s: %v", line, preview.Diff)
				}
			}
			for _, line := range test.removed {
				if !slices.Contains(preview.Diff, Line{Op: "-", Text: line}) {
					t.Errorf("the diff lacks -%s: %v", line, preview.Diff)
				}
			}
		})
	}
}

func TestStepsOf(t *testing.T) {
	tests := map[string]struct {
		rollout meshtlsv1alpha1.Rollout
		want    []string
	}{
		"a gate of somebody's":     {rollout: meshtlsv1alpha1.Rollout{Observe: "1h", Gate: meshtlsv1alpha1.GateManual, Probation: "0s"}, want: []string{"somebody to approve", "port by port"}},
		"time alone":               {rollout: meshtlsv1alpha1.Rollout{Observe: "1h", Gate: meshtlsv1alpha1.GateTimer, Probation: "0s"}, want: []string{"whatever is called", "port by port"}},
		"clients that must call":   {rollout: meshtlsv1alpha1.Rollout{Observe: "1h", Probation: "0s", ExpectClients: []meshtlsv1alpha1.ExpectedClient{{}}}, want: []string{"each of expectClients", "port by port"}},
		"a way back if it refuses": {rollout: meshtlsv1alpha1.Rollout{Observe: "1h", Probation: "5m", OnRefusal: meshtlsv1alpha1.ReactionUndo}, want: []string{"each port", "port by port", "Permissive again"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := stepsOf(&test.rollout, nil); !slices.EqualFunc(got, test.want, strings.Contains) {
				t.Errorf("steps are %q, want %q in them", got, test.want)
			}
		})
	}
}

func TestValid(t *testing.T) {
	tests := map[string]struct {
		change Change
		want   bool
	}{
		"Strict without a word of the way":   {change: Change{Mode: meshtlsv1alpha1.AcceptStrict}, want: true},
		"Strict by way of a rollout":         {change: Change{Mode: meshtlsv1alpha1.AcceptStrict, Way: WayRollout}, want: true},
		"Strict at once":                     {change: Change{Mode: meshtlsv1alpha1.AcceptStrict, Way: WayAtOnce}, want: true},
		"a way that nobody knows":            {change: Change{Mode: meshtlsv1alpha1.AcceptStrict, Way: "Someday"}},
		"a rollout to Permissive":            {change: Change{Mode: meshtlsv1alpha1.AcceptPermissive, Way: WayRollout}},
		"a way without a mode":               {change: Change{Way: WayAtOnce}},
		"a port with a mode that is not one": {change: Change{Ports: map[int32]meshtlsv1alpha1.AcceptMode{80: "Open"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.change.Valid(); got != test.want {
				t.Errorf("valid: %v, want %v", got, test.want)
			}
		})
	}
}
