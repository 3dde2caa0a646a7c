package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A result is what became of a mutant.
type result struct {
	Killer    string `json:",omitempty"` // a test, "timeout", "exit"; empty: it survived
	Reached   bool
	Importers bool // the tests of importers were tried, if it came to that
}

// results are those of one package, kept as they come: a run that is cut short
// goes on where it was. They count for the sources that they were made with; for
// others they say which test to try first.
type results struct {
	state string
	known map[string]kept
	file  *os.File // nil: nothing is kept
}

type kept struct {
	State, Key string
	result
}

func openResults(dir string, p *pkg) (*results, error) {
	r := &results{known: map[string]kept{}}
	if dir == "" {
		return r, nil
	}
	var err error
	if r.state, err = state(p); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, strings.ReplaceAll(p.path, "/", "_")+".jsonl")
	if r.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(r.file); ; {
		var k kept
		if err := decoder.Decode(&k); errors.Is(err, io.EOF) {
			return r, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r.known[k.Key] = k
	}
}

// state is a hash over what decides on results: the package with its tests and
// their data, and the sources of the module, which it may use.
func state(p *pkg) (string, error) {
	h := sha256.New()
	add := func(path string) error {
		text, err := os.ReadFile(path)
		short, _ := filepath.Rel(p.root, path) // another checkout is the same state
		fmt.Fprintf(h, "%s %d\n%s", short, len(text), text)
		return err
	}
	err := filepath.WalkDir(p.root, func(path string, d fs.DirEntry, err error) error {
		own := filepath.Dir(path) == p.dir || strings.HasPrefix(path, filepath.Join(p.dir, "testdata"))
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") && path != p.root:
			return fs.SkipDir
		case d.IsDir():
			return nil
		case own, d.Name() == "go.sum", strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			return add(path)
		}
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil)[:12]), err
}

// find returns what is known of a mutant, and whether that is enough.
func (r *results) find(key string, trust, importers bool) (result, bool) {
	k, ok := r.known[key]
	switch {
	case !ok:
		return result{}, false
	case k.State == r.state && r.file != nil:
		return k.result, k.Killer != "" || k.Importers || !importers
	}
	return k.result, trust && k.Killer != ""
}

func (r *results) keep(key string, result result) error {
	if r.file == nil {
		return nil
	}
	text, err := json.Marshal(kept{State: r.state, Key: key, result: result})
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(text, '\n'))
	return err
}

func (r *results) close() {
	if r.file != nil {
		r.file.Close()
	}
}
