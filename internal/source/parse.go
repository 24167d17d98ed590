package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "sigs.k8s.io/json"
)

// parse returns the fields of a document, as an API server decodes them: whole numbers are int64. Nil: the document is empty.
func parse(d *document) (map[string]any, error) {
	value, err := valueOf(d)
	if err != nil {
		return nil, err
	}
	switch typed := value.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return typed, nil
	default:
		return nil, errors.New("is not an object with apiVersion and kind")
	}
}

// valueOf decodes a document. What a cluster dumped as JSON can be large, and reading it as YAML takes several times as long.
func valueOf(d *document) (any, error) {
	var value any
	if text := bytes.TrimSpace(d.text); len(text) > 0 && text[0] == '{' && json.Valid(text) {
		duplicates, err := kjson.UnmarshalStrict(text, &value)
		return value, errors.Join(append(duplicates, err)...)
	}
	if err := yaml.UnmarshalStrict(d.text, &value); err != nil {
		return nil, errors.New(inFile(err.Error(), d.line))
	}
	return fromYAML(value)
}

// fromYAML makes of what the YAML library decodes what JSON would: keys are texts, and numbers int64 or float64.
func fromYAML(value any) (any, error) {
	switch typed := value.(type) {
	case map[any]any:
		return objectFromYAML(typed)
	case []any:
		for i, item := range typed {
			var err error
			if typed[i], err = fromYAML(item); err != nil {
				return nil, err
			}
		}
		return typed, nil
	case int:
		return int64(typed), nil
	case uint64:
		return float64(typed), nil // the library has int64 for what fits
	case float64:
		if math.IsNaN(typed) || math.IsInf(typed, 0) {
			return nil, fmt.Errorf("the number %v is none of JSON's", typed)
		}
		return fromFloat(typed), nil
	default:
		return value, nil
	}
}

// fromFloat returns a whole number as JSON would write it down and read it: without a fraction.
func fromFloat(value float64) any {
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		return int64(value)
	}
	return value
}

func objectFromYAML(decoded map[any]any) (map[string]any, error) {
	object := make(map[string]any, len(decoded))
	for key, value := range decoded {
		name, isText := key.(string)
		if !isText {
			var err error
			if name, err = keyFromYAML(key); err != nil {
				return nil, err
			}
		}
		below, err := fromYAML(value)
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("key %q already set in map", name)
		}
		object[name] = below
	}
	return object, nil
}

// keyFromYAML returns a key that is a number or a boolean as text.
func keyFromYAML(key any) (string, error) {
	switch typed := key.(type) {
	case int:
		return strconv.Itoa(typed), nil
	case bool:
		return strconv.FormatBool(typed), nil
	case float64:
		return strconv.FormatFloat(typed, 'g', -1, 32), nil
	default:
		return "", fmt.Errorf("the key %v is no text", key)
	}
}

// yamlLine is how the YAML library names a line.
var yamlLine = regexp.MustCompile(`\bline (\d+)`)

// inFile counts the lines in the words of the YAML library from the beginning of the file, instead of the document.
func inFile(words string, firstLine int) string {
	return yamlLine.ReplaceAllStringFunc(words, func(match string) string {
		line, err := strconv.Atoi(strings.TrimPrefix(match, "line "))
		if err != nil {
			return match
		}
		return fmt.Sprintf("line %d", line+firstLine-1)
	})
}

// kindOf returns what the object says it is.
func kindOf(object map[string]any) (schema.GroupVersionKind, error) {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	switch {
	case apiVersion == "":
		return schema.GroupVersionKind{}, errors.New("apiVersion is missing")
	case kind == "":
		return schema.GroupVersionKind{}, errors.New("kind is missing")
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	return gv.WithKind(kind), err
}

// items returns the objects of a list; ok says whether the object is one.
func items(list map[string]any, gvk schema.GroupVersionKind) (objects []map[string]any, ok bool, err error) {
	values, isList := list["items"].([]any)
	if !isList || !strings.HasSuffix(gvk.Kind, "List") {
		return nil, false, nil
	}
	for i, value := range values {
		object, isObject := value.(map[string]any)
		if !isObject {
			return nil, true, fmt.Errorf("items[%d] is not an object with apiVersion and kind", i)
		}
		// The items of a typed list, as an API server answers it, leave out what the list says.
		if itemKind := strings.TrimSuffix(gvk.Kind, "List"); itemKind != "" && object["kind"] == nil {
			object["apiVersion"], object["kind"] = gvk.GroupVersion().String(), itemKind
		}
		objects = append(objects, object)
	}
	return objects, true, nil
}
