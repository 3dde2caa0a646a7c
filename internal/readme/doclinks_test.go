package readme

import (
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// public are the packages that programs import.
var public = []string{
	"validator", "validator/validatortest", "middleware", "middleware/dpop", "middleware/dpop/dpoptest",
	"middleware/mtls", "middleware/signals", "middleware/grpcauth", "jwks", "introspect", "cache", "cache/rediscache",
}

// Every [Name] in a doc comment is a link: one that leads nowhere is shown as it is
// written, with its brackets.
func TestDocLinks(t *testing.T) {
	names := map[string]map[string]bool{} // exported ones, by import path
	packages := map[string]*doc.Package{}
	for _, directory := range public {
		p := documented(t, directory)
		packages[directory], names[p.ImportPath] = p, exported(p)
	}
	links := 0
	for directory, p := range packages {
		for _, text := range comments(p) {
			walk(p.Parser().Parse(text).Content, func(t0 comment.Text) {
				switch link := t0.(type) {
				case comment.Plain:
					assert.Empty(t, regexp.MustCompile(`\[\*?[A-Z]\w*(\.\w+)*\]|\[[a-z]+\.[A-Z][\w.]*\]`).FindString(string(link)), "%s: leads nowhere", directory)
				case *comment.DocLink:
					links++
					path := link.ImportPath
					if path == "" {
						path = p.ImportPath
					}
					if of, ours := names[path]; ours {
						name := strings.TrimPrefix(link.Recv+"."+link.Name, ".")
						assert.True(t, of[name], "%s: there is no %s in %s", directory, name, path)
					}
				}
			})
		}
	}
	assert.Greater(t, links, 50)
}

// documented is a package's documentation.
func documented(t *testing.T, directory string) *doc.Package {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, directory, "*.go"))
	require.NoError(t, err)
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
	}
	p, err := doc.NewFromFiles(fset, files, "github.com/bearerguard/bearerguard/"+directory)
	require.NoError(t, err)
	require.NotEmpty(t, p.Doc, directory)
	return p
}

// exported are the names of a package: of what it declares, and of methods and fields.
func exported(p *doc.Package) map[string]bool {
	found := map[string]bool{}
	values := func(list []*doc.Value) {
		for _, v := range list {
			for _, name := range v.Names {
				found[name] = true
			}
		}
	}
	funcs := func(prefix string, list []*doc.Func) {
		for _, f := range list {
			found[prefix+f.Name] = true
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs("", p.Funcs)
	for _, typ := range p.Types {
		found[typ.Name] = true
		values(typ.Consts)
		values(typ.Vars)
		funcs("", typ.Funcs)
		funcs(typ.Name+".", typ.Methods)
		ast.Inspect(typ.Decl, func(n ast.Node) bool {
			if field, is := n.(*ast.Field); is {
				for _, name := range field.Names {
					found[typ.Name+"."+name.Name] = true
				}
			}
			return true
		})
	}
	return found
}

// comments are the doc comments of a package and of all that it declares.
func comments(p *doc.Package) []string {
	all := []string{p.Doc}
	add := func(values []*doc.Value, funcs []*doc.Func) {
		for _, v := range values {
			all = append(all, v.Doc)
		}
		for _, f := range funcs {
			all = append(all, f.Doc)
		}
	}
	add(p.Consts, p.Funcs)
	add(p.Vars, nil)
	for _, typ := range p.Types {
		all = append(all, typ.Doc)
		add(typ.Consts, typ.Funcs)
		add(typ.Vars, typ.Methods)
	}
	return all
}

// walk visits the text of blocks, but not that of code.
func walk(blocks []comment.Block, visit func(comment.Text)) {
	each := func(texts []comment.Text) {
		for _, text := range texts {
			visit(text)
		}
	}
	for _, block := range blocks {
		switch b := block.(type) {
		case *comment.Paragraph:
			each(b.Text)
		case *comment.Heading:
			each(b.Text)
		case *comment.List:
			for _, item := range b.Items {
				walk(item.Content, visit)
			}
		}
	}
}
