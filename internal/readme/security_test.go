package readme

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every promise of SECURITY.md names tests that fail when it is broken, and there are
// such tests.
func TestPromisesAreTested(t *testing.T) {
	all := promises(read(t, "SECURITY.md"))
	require.Greater(t, len(all), 15)
	packages := map[string]map[string]bool{}
	for name, tests := range all {
		assert.NotEmpty(t, tests, "%s: names no test", name)
		for _, test := range tests {
			if packages[test.directory] == nil {
				packages[test.directory] = testsOf(t, test.directory)
			}
			assert.True(t, packages[test.directory][test.name], "%s: there is no %s in %s", name, test.name, test.directory)
		}
	}
}

// namedTest is a test of a directory's package; with a slash, a subtest.
type namedTest struct{ directory, name string }

var (
	promise = regexp.MustCompile(`^- \*\*(.+?)\*\*`)
	tested  = regexp.MustCompile("`([a-z0-9/]+) ((?:Test|Fuzz)[^`]+)`")
)

// promises are the items of the section of that name, by their titles, with the tests
// that they name: `directory TestName`.
func promises(document string) map[string][]namedTest {
	_, section, _ := strings.Cut(document, "\n## Promises\n")
	section, _, _ = strings.Cut(section, "\n## ")
	found, items := map[string][]namedTest{}, []string{}
	for _, line := range strings.Split(section, "\n") {
		if strings.HasPrefix(line, "- ") {
			items = append(items, line)
		} else if len(items) > 0 {
			items[len(items)-1] += " " + strings.TrimSpace(line)
		}
	}
	for _, item := range items {
		title := strings.TrimSpace(item)
		if named := promise.FindStringSubmatch(item); named != nil {
			title = named[1]
		}
		found[title] = nil
		for _, name := range tested.FindAllStringSubmatch(item, -1) {
			found[title] = append(found[title], namedTest{name[1], name[2]})
		}
	}
	return found
}

// testsOf are the tests and fuzz targets of a directory, and those of their subtests
// whose names are literals.
func testsOf(t *testing.T, directory string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, directory, "*_test.go"))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declared := range parsed.Decls {
			f, is := declared.(*ast.FuncDecl)
			if !is || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") && !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			found[f.Name.Name] = true
			ast.Inspect(f, func(n ast.Node) bool {
				call, is := n.(*ast.CallExpr)
				if !is || len(call.Args) != 2 {
					return true
				}
				method, run := call.Fun.(*ast.SelectorExpr)
				text, literal := call.Args[0].(*ast.BasicLit)
				if run && method.Sel.Name == "Run" && literal && text.Kind == token.STRING {
					name, err := strconv.Unquote(text.Value)
					require.NoError(t, err)
					found[f.Name.Name+"/"+name] = true
				}
				return true
			})
		}
	}
	return found
}

// The check itself: it must not pass by finding nothing.
func TestPromises(t *testing.T) {
	assert.Equal(t, map[string][]namedTest{
		"One.":    {{"internal/readme", "TestPromises"}, {"internal/readme", "TestNowhere"}},
		"Two.":    nil,
		"- three": nil,
	}, promises("\n## Promises\n\n- **One.** Text\n  (`internal/readme TestPromises`,\n  `internal/readme TestNowhere`).\n- **Two.** `TestBare`\n- three\n\n## Others\n\n- **Four.**\n"))
	ours := testsOf(t, "internal/readme")
	assert.True(t, ours["TestPromises"])
	assert.False(t, ours["TestNowhere"])
	t.Run("a subtest", func(t *testing.T) { assert.True(t, ours["TestPromises/a subtest"]) })
	assert.Empty(t, testsOf(t, "internal/nowhere"))
}
