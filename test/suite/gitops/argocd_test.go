package gitops

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// health is what an Argo CD script returns.
type health struct {
	Status  string
	Message string
}

// scriptTimeout is how long Argo CD lets a script run.
const scriptTimeout = time.Second

// healthOf runs the script of config/argocd for the object's kind, in the engine that Argo CD uses and with no library but
// those that it opens. It opens a cut-down one for times too, which is Argo CD's own; our scripts do without.
func healthOf(ctx context.Context, scripts map[string]string, obj *unstructured.Unstructured) (health, error) {
	gvk := obj.GroupVersionKind()
	key := fmt.Sprintf("resource.customizations.health.%s_%s", gvk.Group, gvk.Kind)
	script, found := scripts[key]
	if !found {
		return health{}, fmt.Errorf("argocd-cm.yaml has no %s", key)
	}
	engine := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer engine.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := engine.CallByParam(lua.P{Fn: engine.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return health{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, scriptTimeout)
	defer cancel()
	engine.SetContext(ctx)
	engine.SetGlobal("obj", luaValue(engine, obj.Object))
	if err := engine.DoString(script); err != nil {
		return health{}, err
	}
	return returned(engine.Get(-1))
}

// returned reads the returned table. Argo CD makes Unknown of anything else, in most of its versions also of nil.
func returned(value lua.LValue) (health, error) {
	table, ok := value.(*lua.LTable)
	if !ok {
		return health{}, fmt.Errorf("the script returned a %s, want a table", value.Type())
	}
	statusText, isText := table.RawGetString("status").(lua.LString)
	message, hasMessage := table.RawGetString("message").(lua.LString)
	if !isText || !hasMessage {
		return health{}, fmt.Errorf("the script returned status %v and message %v, want two strings",
			table.RawGetString("status"), table.RawGetString("message"))
	}
	return health{Status: string(statusText), Message: string(message)}, nil
}

// luaValue returns a value of a decoded JSON document in Lua.
func luaValue(engine *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case map[string]any:
		table := engine.NewTable()
		for key, member := range v {
			table.RawSetString(key, luaValue(engine, member))
		}
		return table
	case []any:
		table := engine.NewTable()
		for _, element := range v {
			table.Append(luaValue(engine, element))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	default:
		return lua.LNil
	}
}

// argoScripts returns the scripts of config/argocd, by their key in Argo CD's ConfigMap.
func argoScripts(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "argocd", "argocd-cm.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var configMap corev1.ConfigMap
	if err := yaml.UnmarshalStrict(text, &configMap); err != nil {
		t.Fatal(err)
	}
	return configMap.Data
}

func TestArgoCDHealthOfWhatIsNotJudgedYet(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		object string
		want   health
	}{
		"a policy that the operator has not seen": {
			object: `{"metadata": {"generation": 1}}`,
			want:   health{"Progressing", "The operator has not seen this version of the policy yet."},
		},
		"a policy whose status is older than its spec": {
			object: `{"metadata": {"generation": 3}, "status": {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True"}]}}`,
			want:   health{"Progressing", "The operator has not seen this version of the policy yet."},
		},
		"a policy whose status has no conditions": {
			object: `{"metadata": {"generation": 1}, "status": {"observedGeneration": 1}}`,
			want:   health{"Progressing", "The policy is not Ready yet."},
		},
		"a policy that is Ready, with a warning": {
			object: `{"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "findingsSummary": "1 warning, 1 info",
				"findings": [{"severity": "Info"}, {"severity": "Warning"}], "conditions": [{"type": "Ready", "status": "True", "message": "All is written."}]}}`,
			want: health{"Healthy", "All is written. Findings: 1 warning, 1 info."},
		},
		"a policy that is Ready, with infos alone": {
			object: `{"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "findingsSummary": "1 info",
				"findings": [{"severity": "Info"}], "conditions": [{"type": "Ready", "status": "True", "message": "All is written."}]}}`,
			want: health{"Healthy", "All is written."},
		},
		"a policy that is being deleted": {
			object: `{"metadata": {"generation": 1, "deletionTimestamp": "2026-01-01T00:00:00Z"}}`,
			want:   health{"Progressing", "The policy is being deleted."},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			obj := decoded(t, "security.meshtls.dev/v1alpha1", "MeshTLSPolicy", tc.object)
			got, err := healthOf(t.Context(), argoScripts(t), obj)
			if err != nil || got != tc.want {
				t.Errorf("health: got %v, error %v, want %v", got, err, tc.want)
			}
		})
	}
}

func TestArgoCDHealthOfIstioObjects(t *testing.T) {
	t.Parallel()
	ours := `"labels": {"app.kubernetes.io/managed-by": "meshtls"},
		"ownerReferences": [{"kind": "MeshTLSPolicy", "name": "cart"}, {"kind": "Other", "name": "x"}, {"kind": "MeshTLSPolicy", "name": "shop"}]`
	tests := map[string]struct {
		object string
		want   health
	}{
		"ours": {
			object: `{"metadata": {` + ours + `}}`,
			want:   health{"Healthy", "Written by meshtls for cart, shop."},
		},
		"somebody else's": {
			object: `{"metadata": {"name": "theirs"}}`,
			want:   health{"Healthy", ""},
		},
		"with a warning of Istio's analysis": {
			object: `{"metadata": {"name": "theirs"}, "status": {"validationMessages": [{"level": "WARNING", "type": {"code": "IST0135"}}]}}`,
			want:   health{"Healthy", ""},
		},
		"with an error of Istio's analysis": {
			object: `{"metadata": {` + ours + `}, "status": {"validationMessages": [
				{"level": "INFO"}, {"level": "ERROR", "type": {"code": "IST0101", "name": "ReferencedResourceNotFound"}}]}}`,
			want: health{"Degraded", "Istio's analysis: IST0101 ReferencedResourceNotFound."},
		},
		"that is being deleted": {
			object: `{"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}`,
			want:   health{"Progressing", "The object is being deleted."},
		},
	}
	kinds := map[string]string{
		"PeerAuthentication": "security.istio.io/v1", "DestinationRule": "networking.istio.io/v1", "Gateway": "networking.istio.io/v1",
	}
	for name, tc := range tests {
		for kind, apiVersion := range kinds {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				got, err := healthOf(t.Context(), argoScripts(t), decoded(t, apiVersion, kind, tc.object))
				if err != nil || got != tc.want {
					t.Errorf("health: got %v, error %v, want %v", got, err, tc.want)
				}
			})
		}
	}
}

// decoded returns an object of the kind.
func decoded(t *testing.T, apiVersion, kind, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(text), &obj.Object); err != nil {
		t.Fatal(err)
	}
	obj.SetAPIVersion(apiVersion)
	obj.SetKind(kind)
	return obj
}
