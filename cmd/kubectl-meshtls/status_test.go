package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// seen returns a policy as the operator leaves it: Ready, with one object.
func seen() meshtlsv1alpha1.MeshTLSPolicy {
	return meshtlsv1alpha1.MeshTLSPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a", Generation: 2},
		Status: meshtlsv1alpha1.MeshTLSPolicyStatus{
			ObservedGeneration: 2,
			Objects:            []meshtlsv1alpha1.ObjectReference{{Kind: model.KindPeerAuthentication, Name: "a"}},
			Conditions:         []metav1.Condition{{Type: meshtlsv1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Ready"}},
		},
	}
}

func TestRemarkOn(t *testing.T) {
	there := sets.New(model.ObjectRef{Kind: model.KindPeerAuthentication, Namespace: "shop", Name: "a"})
	tests := map[string]struct {
		change     func(*meshtlsv1alpha1.MeshTLSPolicy)
		written    sets.Set[model.ObjectRef]
		want       string
		wantReason string
	}{
		"all is as the status says": {written: there},
		"the operator has not looked at it": {
			change:  func(p *meshtlsv1alpha1.MeshTLSPolicy) { p.Status = meshtlsv1alpha1.MeshTLSPolicyStatus{} },
			written: there, want: "has not looked at the policy", wantReason: "Pending",
		},
		"it was changed since": {
			change:  func(p *meshtlsv1alpha1.MeshTLSPolicy) { p.Generation = 3 },
			written: there, want: "it is at generation 3, and the status is of 2", wantReason: "Outdated",
		},
		"an object is gone": {want: "PeerAuthentication a is named in the status and is not there", wantReason: "Outdated"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			policy := seen()
			if tc.change != nil {
				tc.change(&policy)
			}
			s := standing{policy: policy, remark: remarkOn(policy, tc.written)}
			if !strings.Contains(s.remark, tc.want) || (tc.want == "") != (s.remark == "") {
				t.Errorf("got %q, want %q", s.remark, tc.want)
			}
			if got := reasonOf(s, s.ready()); got != tc.wantReason {
				t.Errorf("reason: got %q, want %q", got, tc.wantReason)
			}
			if s.isReady() != (tc.want == "") {
				t.Errorf("got ready: %t", s.isReady())
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	wrong := &source.Error{File: "a.yaml", Document: 2, Line: 7, Err: errors.New("wrong")}
	tests := map[string]struct {
		err        error
		want       int
		wantStderr string
	}{
		"nothing to complain of":      {want: exitOK},
		"findings":                    {err: errFindings, want: exitFindings},
		"an error":                    {err: fmt.Errorf("reading: %w", compile.ErrRestless), want: exitFailure, wantStderr: "error: reading: the objects of some policies change without end\n"},
		"a wrong manifest":            {err: wrong, want: exitFailure, wantStderr: "a.yaml:7: wrong\n"},
		"a wrong manifest, and more":  {err: errors.Join(errors.Join(wrong, wrong), errFindings), want: exitFailure, wantStderr: "a.yaml:7: wrong\na.yaml:7: wrong\n"},
		"findings are not said twice": {err: errors.Join(nil, errFindings), want: exitFindings},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := exitCode(tc.err, &stderr); got != tc.want || stderr.String() != tc.wantStderr {
				t.Errorf("got %d and %q, want %d and %q", got, &stderr, tc.want, tc.wantStderr)
			}
		})
	}
}
