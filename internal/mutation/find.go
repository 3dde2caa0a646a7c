package main

import (
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
)

// A mutant is one small change of a package.
type mutant struct {
	id       int // 1, 2, ... within the package
	at       token.Position
	file     string
	function string
	old, new string
	ordinal  int // from 1, among those that the rest does not tell apart
}

// key names a mutant in the list and in kept results. It has no line number:
// it survives that code moves.
func (m mutant) key() string {
	key := fmt.Sprintf("%s %s: %s -> %s", m.file, m.function, m.old, m.new)
	if m.ordinal > 1 {
		key += fmt.Sprintf(" #%d", m.ordinal)
	}
	return key
}

// A finder walks a file and says what can be changed (statements.go, booleans.go)
// and how the text has to read so that any one change can be switched on
// (rewrite.go).
type finder struct {
	fset     *token.FileSet
	p        *pkg
	file     *source
	mutants  []mutant
	seen     map[string]int // keys without ordinals
	edits    []edit         // of the current file
	booleans map[ast.Expr]*boolean
	order    []ast.Expr // of booleans
}

// find returns the mutants of a package and its files with all of them in.
func find(fset *token.FileSet, p *pkg) ([]mutant, map[string][]byte, error) {
	f := &finder{fset: fset, p: p, seen: map[string]int{}}
	rewritten := map[string][]byte{}
	for _, file := range p.files {
		f.file, f.edits, f.booleans, f.order = file, nil, map[ast.Expr]*boolean{}, nil
		ast.PreorderStack(file.tree, nil, f.visit)
		f.writeBooleans()
		if len(f.edits) == 0 {
			continue
		}
		text, err := apply(file.text, f.edits)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file.path, err)
		}
		rewritten[filepath.Join(p.dir, filepath.Base(file.path))] = text
	}
	return f.mutants, rewritten, nil
}

func (f *finder) visit(n ast.Node, stack []ast.Node) bool {
	if d, ok := n.(*ast.GenDecl); ok && d.Tok != token.VAR {
		return false // constants and types: nothing that happens
	}
	if d, ok := n.(*ast.FuncDecl); ok && d.Name.Name == "Error" && d.Recv != nil {
		return false // no test may depend on an error's text
	}
	f.boolean(n, stack)
	f.statement(n, stack)
	return true
}

// add registers a mutant. The old and new texts are Go without line breaks.
func (f *finder) add(at ast.Node, stack []ast.Node, old, new string) int {
	m := mutant{
		id: len(f.mutants) + 1, at: f.fset.Position(at.Pos()),
		file: f.file.path, function: function(append(stack, at)), old: short(old), new: short(new),
	}
	f.seen[m.key()]++
	m.ordinal = f.seen[m.key()]
	f.mutants = append(f.mutants, m)
	return m.id
}

// function names the outermost function or variable that a path leads into.
func function(path []ast.Node) string {
	for _, n := range path {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				return n.Name.Name
			}
			receiver := n.Recv.List[0].Type
			for {
				switch t := receiver.(type) {
				case *ast.StarExpr:
					receiver = t.X
				case *ast.IndexExpr:
					receiver = t.X
				case *ast.IndexListExpr:
					receiver = t.X
				case *ast.Ident:
					return t.Name + "." + n.Name.Name
				default:
					return n.Name.Name
				}
			}
		case *ast.ValueSpec:
			return "var " + n.Names[0].Name
		}
	}
	return "?"
}

// short is text on one line, cut where it grows unreadable.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	const most = 110
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// code prints a node as gofmt does, without its comments.
func (f *finder) code(n ast.Node) string {
	var text strings.Builder
	if err := printer.Fprint(&text, f.fset, n); err != nil {
		return f.text(n)
	}
	return text.String()
}

// text is the node exactly as it stands in the file.
func (f *finder) text(n ast.Node) string {
	from, to := f.span(n)
	return string(f.file.text[from:to])
}

func (f *finder) span(n ast.Node) (from, to int) {
	return f.fset.Position(n.Pos()).Offset, f.fset.Position(n.End()).Offset
}

// variable reports whether e has a value at run time of the type bool itself: a
// constant may stand where Go demands one, and a named type is not ours to make.
func (f *finder) variable(e ast.Expr) bool {
	tv, ok := f.p.info.Types[e]
	if !ok || tv.Value != nil || tv.Type == nil {
		return false
	}
	return types.Identical(tv.Type, types.Typ[types.Bool]) || types.Identical(tv.Type, types.Typ[types.UntypedBool])
}
