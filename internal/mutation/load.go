package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A listed is what the go command tells about a package.
type listed struct {
	ImportPath, Dir, Export, ForTest string
	GoFiles                          []string
	TestGoFiles, XTestGoFiles        []string
	Imports                          []string
	TestImports, XTestImports        []string
	Module                           *struct{ Path, Dir string }
}

func (l listed) hasTests() bool { return len(l.TestGoFiles)+len(l.XTestGoFiles) > 0 }

// A pkg is a package to break, parsed and type-checked.
type pkg struct {
	path   string
	dir    string
	root   string // of the workspace, or of its module where there is none
	name   string
	files  []*source
	info   *types.Info
	pkg    *types.Package
	tested []listed // whose tests to try: its own first, then those of its importers
}

// A source is a file of it.
type source struct {
	path string // from that root, with slashes
	text []byte
	tree *ast.File
}

type world struct {
	fset    *token.FileSet
	root    string // of the workspace; empty: none
	targets []*pkg
}

// load reads the packages that the patterns name, and who imports them.
func load(ctx context.Context, patterns []string) (*world, error) {
	wanted, err := list(ctx, "", patterns...)
	if err != nil {
		return nil, err
	}
	compiled, err := list(ctx, "", append([]string{"-export", "-deps"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, l := range compiled {
		exports[l.ImportPath] = l.Export
	}
	workspace, err := command(ctx, "", "go", "env", "GOWORK")
	if err != nil {
		return nil, err
	}
	w := &world{fset: token.NewFileSet()}
	if file := strings.TrimSpace(string(workspace)); filepath.IsAbs(file) { // and not "off"
		w.root = filepath.Dir(file)
	}
	imports := importer.ForCompiler(w.fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(exports[path])
	})
	modules := map[string][]listed{}
	for _, l := range wanted {
		p, err := w.check(l, imports)
		if err != nil {
			return nil, err
		}
		module := l.Module.Dir
		if modules[module] == nil {
			if modules[module], err = list(ctx, module, "./..."); err != nil {
				return nil, err
			}
		}
		p.tested = testers(l, slices.Concat(modules[module], wanted))
		w.targets = append(w.targets, p)
	}
	return w, nil
}

// testers are the package itself and those of its module that import it, nearest
// first: what imports it for its code, then what imports it for its tests.
func testers(target listed, others []listed) []listed {
	var code, tests []listed
	seen := map[string]bool{target.ImportPath: true}
	for _, l := range others {
		switch {
		case seen[l.ImportPath] || !l.hasTests() || l.Module.Path != target.Module.Path:
		case slices.Contains(l.Imports, target.ImportPath):
			code = append(code, l)
		case slices.Contains(l.TestImports, target.ImportPath), slices.Contains(l.XTestImports, target.ImportPath):
			tests = append(tests, l)
		}
		seen[l.ImportPath] = true // those below testdata are in one of the lists only
	}
	return slices.Concat([]listed{target}, code, tests)
}

func (w *world) check(l listed, imports types.Importer) (*pkg, error) {
	if l.Module == nil {
		return nil, fmt.Errorf("%s is in no module", l.ImportPath)
	}
	p := &pkg{path: l.ImportPath, dir: l.Dir, root: cmp.Or(w.root, l.Module.Dir)}
	var trees []*ast.File
	for _, name := range l.GoFiles {
		path := filepath.Join(l.Dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(w.fset, path, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		short, err := filepath.Rel(p.root, path)
		if err != nil {
			return nil, err
		}
		p.name = tree.Name.Name
		p.files = append(p.files, &source{path: filepath.ToSlash(short), text: text, tree: tree})
		trees = append(trees, tree)
	}
	p.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
	}
	config := types.Config{Importer: imports}
	checked, err := config.Check(l.ImportPath, w.fset, trees, p.info)
	p.pkg = checked
	return p, err
}

func list(ctx context.Context, dir string, args ...string) ([]listed, error) {
	args = append([]string{"list",
		"-json=ImportPath,Dir,Export,ForTest,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,Module"}, args...)
	text, err := command(ctx, dir, "go", args...)
	if err != nil {
		return nil, err
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var l listed
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
}

// command runs a command of the toolchain. Its error carries what it said.
func command(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	var output, said bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Stdout, c.Stderr = dir, &output, &said
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, said.Bytes())
	}
	return output.Bytes(), nil
}
