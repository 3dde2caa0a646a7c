package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder reads YAML into structs whose tags name every field, and remembers
// where each stands. The library's own decoder knows lines but no paths, takes
// 12 for a string and nothing for a list; here every one of these is a fault.
type decoder struct{ *source }

// decode reads the text of a configuration file.
func decode(src *source, text []byte) (*file, error) {
	root, err := parse(text)
	if err != nil {
		return nil, src.syntax(text, err)
	}
	d, f := decoder{src}, new(file)
	d.lines[""] = max(root.Line, 1)
	d.value("", root, reflect.ValueOf(f).Elem())
	return f, src.err()
}

// parse returns the one document of a YAML text.
func parse(text []byte) (*yaml.Node, error) {
	input := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	if err := input.Decode(&document); errors.Is(err, io.EOF) {
		return nil, errors.New("yaml: line 1: the file is empty")
	} else if err != nil {
		return nil, err
	}
	if err := input.Decode(&more); err == nil {
		return nil, fmt.Errorf("yaml: line %d: there must be one document", more.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return document.Content[0], nil
}

var (
	yamlMessage = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)
	noAnchor    = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`) // has no line
)

// syntax is the fault of a text that is no YAML: it has no fields yet.
func (s *source) syntax(text []byte, err error) error {
	line, problem := 1, err.Error()
	if m := yamlMessage.FindStringSubmatch(problem); m != nil {
		problem = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
	}
	if m := noAnchor.FindStringSubmatch(problem); m != nil {
		before, _, _ := bytes.Cut(text, []byte("*"+m[1]))
		line = 1 + bytes.Count(before, []byte("\n"))
	}
	s.faults = append(s.faults, fault{s.name, line, "syntax", problem})
	return s.err()
}

var durationType, pairsType = reflect.TypeFor[duration](), reflect.TypeFor[[]pair]()

func (d decoder) value(path string, n *yaml.Node, into reflect.Value) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.fault(path, "anchors and aliases are not supported: write it out")
	case n.ShortTag() == "!!null":
		d.fault(path, "is empty: leave it out, or say what it is")
	case into.Type() == durationType:
		d.duration(path, n, into)
	case into.Type() == pairsType:
		d.pairs(path, n, into)
	case into.Kind() == reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.value(path, n, into.Elem())
	case into.Kind() == reflect.Struct:
		d.fields(path, n, into)
	case into.Kind() == reflect.Slice:
		d.list(path, n, into)
	default:
		d.scalar(path, n, into)
	}
}

func (d decoder) scalar(path string, n *yaml.Node, into reflect.Value) {
	switch into.Kind() {
	case reflect.String:
		if text, ok := d.text(path, n); ok {
			into.SetString(text)
		}
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			d.fault(path, "must be true or false")
			return
		}
		into.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int:
		number, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil {
			d.fault(path, "must be a whole number")
			return
		}
		into.SetInt(int64(number))
	}
}

// text is a string that says something.
func (d decoder) text(path string, n *yaml.Node) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fault(path, "must be a text")
	case n.ShortTag() != "!!str":
		d.fault(path, "must be a text: write it in quotes")
	case n.Value == "":
		d.fault(path, "is empty: leave it out, or say what it is")
	default:
		return n.Value, true
	}
	return "", false
}

func (d decoder) duration(path string, n *yaml.Node, into reflect.Value) {
	value, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || err != nil ||
		value < 0 || value > 0 && value < time.Millisecond {
		d.fault(path, "must be a duration with a unit, such as 30s or 5m")
		return
	}
	into.SetInt(int64(value))
}

func (d decoder) list(path string, n *yaml.Node, into reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fault(path, "must be a list")
		return
	}
	if len(n.Content) == 0 { // whoever wrote it meant to restrict something
		d.fault(path, "is empty: leave it out, or say what it is")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = item.Line
		d.value(at, item, into.Index(i))
	}
}

// entries calls each for the entries of a mapping, whose keys are texts and
// differ.
func (d decoder) entries(path string, n *yaml.Node, each func(key, path string, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fault(path, "must be a mapping of fields to values")
		return
	}
	if len(n.Content) == 0 {
		d.fault(path, "is empty: leave it out, or say what it is")
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], join(path, n.Content[i].Value)
		if first, twice := seen[key.Value]; twice {
			d.faultAt(key.Line, at, fmt.Sprintf("is there twice: the first is in line %d", first))
			continue
		}
		seen[key.Value], d.lines[at] = key.Line, key.Line
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || key.Anchor != "" {
			d.fault(at, "is not the name of a field")
			continue
		}
		each(key.Value, at, n.Content[i+1])
	}
}

func (d decoder) pairs(path string, n *yaml.Node, into reflect.Value) {
	var pairs []pair
	d.entries(path, n, func(key, at string, value *yaml.Node) {
		if value.Kind == yaml.AliasNode || value.Anchor != "" {
			d.fault(at, "anchors and aliases are not supported: write it out")
		} else if text, ok := d.text(at, value); ok {
			pairs = append(pairs, pair{key, text})
		}
	})
	into.Set(reflect.ValueOf(pairs))
}

func (d decoder) fields(path string, n *yaml.Node, into reflect.Value) {
	known, required := tagsOf(into.Type())
	d.entries(path, n, func(key, at string, value *yaml.Node) {
		if i, ok := known[key]; ok {
			d.value(at, value, into.Field(i))
		} else {
			d.fault(at, "there is no such field")
		}
	})
	for _, name := range required {
		if _, there := d.lines[join(path, name)]; !there && len(n.Content) > 0 && n.Kind == yaml.MappingNode {
			d.fault(join(path, name), "is required")
		}
	}
}

// tagsOf returns the fields of a struct by their names in the file, and which of
// them must be there.
func tagsOf(t reflect.Type) (known map[string]int, required []string) {
	known = make(map[string]int, t.NumField())
	for i := range t.NumField() {
		name, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		known[name] = i
		if option == "required" {
			required = append(required, name)
		}
	}
	return known, required
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
