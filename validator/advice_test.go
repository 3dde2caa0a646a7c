package validator_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// TestEveryReasonHasAdvice: one plain sentence or two, and no two reasons the same.
func TestEveryReasonHasAdvice(t *testing.T) {
	seen := map[string]validator.Reason{}
	for _, reason := range allReasons(t) {
		advice := reason.Advice()
		assert.Regexp(t, `^[A-Z].*[^.]\.$`, advice, reason)
		assert.Empty(t, seen[advice], reason)
		seen[advice] = reason
	}
	assert.Greater(t, len(seen), 70)
	assert.Empty(t, validator.Reason("mine").Advice())
}

var update = flag.Bool("update", false, "write the advice into docs/explain.md")

// TestAdviceIsDocumented: docs/explain.md has it, in the order of the reasons.
func TestAdviceIsDocumented(t *testing.T) {
	const name, begin, end = "../docs/explain.md", "<!-- advice -->\n", "<!-- end -->\n"
	document, err := os.ReadFile(name)
	require.NoError(t, err)
	before, rest, _ := strings.Cut(string(document), begin)
	written, after, ended := strings.Cut(rest, end)
	require.True(t, ended)
	table := "| reason | what would have to change |\n|---|---|\n"
	for _, reason := range allReasons(t) {
		table += fmt.Sprintf("| `%s` | %s |\n", reason, reason.Advice())
	}
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(before+begin+table+end+after), 0o644))
		return
	}
	assert.Equal(t, table, written, "go test ./validator -run Advice -update writes it")
}

// allReasons are the constants of errors.go.
func allReasons(t *testing.T) (reasons []validator.Reason) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "Reason" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			reasons = append(reasons, validator.Reason(text))
		}
		return true
	})
	return reasons
}
