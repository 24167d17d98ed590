package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// action is the part of action.yml that is ours to run.
type action struct {
	Inputs map[string]struct{ Description, Default string }
	Runs   struct {
		Steps []struct {
			Name, Run string
			Env       map[string]string
		}
	}
}

// plugin writes down how it is called, in place of the plugin, and ends with the code in the file code.
const plugin = `#!/bin/sh
echo "$@" >>"$RUNNER_TEMP/calls"
case "$*" in *sarif*) echo '{"version":"2.1.0"}';; esac
exit $(cat "$RUNNER_TEMP/code")
`

func TestActionLints(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		inputs    map[string]string
		code      string
		wantCalls []string
		wantSARIF string
	}{
		"with its defaults": {
			code:      "0",
			wantCalls: []string{"lint --fail-on error -f .", "lint --fail-on error -f . -o sarif"},
			wantSARIF: `{"version":"2.1.0"}`,
		},
		"of two folders, strictly, with findings": {
			inputs: map[string]string{"path": "base\noverlays/prod\n", "fail-on": "warning", "args": "-n\nshop"},
			code:   "1",
			wantCalls: []string{
				"lint --fail-on warning -f base -f overlays/prod -n shop", "lint --fail-on warning -f base -f overlays/prod -n shop -o sarif",
			},
			wantSARIF: `{"version":"2.1.0"}`,
		},
		"of what cannot be read": {code: "2", wantCalls: []string{"lint --fail-on error -f ."}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			write(t, filepath.Join(folder, "meshtls", "kubectl-meshtls"), plugin)
			write(t, filepath.Join(folder, "code"), tc.code)
			gotCode := lint(t, folder, tc.inputs)
			if gotCode != tc.code {
				t.Errorf("exit code: got %s, want %s", gotCode, tc.code)
			}
			if diff := cmp.Diff(tc.wantCalls, strings.Split(strings.TrimSpace(read(t, filepath.Join(folder, "calls"))), "\n")); diff != "" {
				t.Errorf("calls of the plugin (-want +got):\n%s", diff)
			}
			if got := strings.TrimSpace(read(t, filepath.Join(folder, "meshtls.sarif"))); got != tc.wantSARIF {
				t.Errorf("SARIF: got %q, want %q", got, tc.wantSARIF)
			}
		})
	}
}

// lint runs the action's step of that name in a folder, and returns the exit code.
func lint(t *testing.T, folder string, inputs map[string]string) string {
	t.Helper()
	var parsed action
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join("..", "..", "action.yml"))), &parsed); err != nil {
		t.Fatal(err)
	}
	for _, step := range parsed.Runs.Steps {
		if step.Name != "Lint" {
			continue
		}
		command := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run) // #nosec G204 -- the action's own
		command.Dir = folder
		command.Env = append(os.Environ(), "RUNNER_TEMP="+folder)
		for variable, expression := range step.Env {
			input := strings.TrimSuffix(strings.TrimPrefix(expression, "${{ inputs."), " }}")
			declared, isDeclared := parsed.Inputs[input]
			if !isDeclared || declared.Description == "" {
				t.Fatalf("%s is %s, which is no input with a description", variable, expression)
			}
			value, isGiven := inputs[input]
			if !isGiven {
				value = declared.Default
			}
			command.Env = append(command.Env, variable+"="+value)
		}
		if output, err := command.CombinedOutput(); err != nil && command.ProcessState.ExitCode() < 0 {
			t.Fatalf("%v\n%s", err, output)
		}
		return string(rune('0' + command.ProcessState.ExitCode()))
	}
	t.Fatal("action.yml has no step with the name Lint")
	return ""
}

func TestHookNamesTheProgram(t *testing.T) {
	t.Parallel()
	var hooks []struct {
		ID, Entry, Language string
		Args                []string
		PassFilenames       *bool `json:"pass_filenames"`
	}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join("..", "..", ".pre-commit-hooks.yaml"))), &hooks); err != nil {
		t.Fatal(err)
	}
	if len(hooks) != 1 || hooks[0].PassFilenames == nil || *hooks[0].PassFilenames {
		t.Fatalf("got %+v, want one hook that reads all manifests, since findings depend on each other", hooks)
	}
	program, _, _ := strings.Cut(hooks[0].Entry, " ")
	if _, err := os.Stat(filepath.Join("..", "..", "cmd", program)); err != nil || hooks[0].Language != "golang" {
		t.Errorf("got %+v, want a program of cmd that Go builds: %v", hooks[0], err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { // #nosec G306 -- some are run
		t.Fatal(err)
	}
}

// read returns the text of a file, or nothing where there is none.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}
