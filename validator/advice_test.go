package validator_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
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
