package readme

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// entry is a row of docs/troubleshooting.md.
type entry struct{ class, reason, answer, meaning, causes, advice string }

var update = flag.Bool("update", false, "write Reason.Advice into docs/troubleshooting.md")

// entries are the rows of the tables in docs/troubleshooting.md, in order.
func entries(t *testing.T) []entry {
	t.Helper()
	var found []entry
	class := ""
	for _, line := range strings.Split(read(t, "docs/troubleshooting.md"), "\n") {
		if heading, is := strings.CutPrefix(line, "## "); is {
			class = heading
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		require.Len(t, cells, 5, line)
		for _, cell := range cells {
			require.NotEmpty(t, strings.TrimSpace(cell), line)
		}
		found = append(found, entry{class, strings.Trim(cells[0], "`"), cells[1], cells[2], cells[3], cells[4]})
	}
	return found
}

// declared are the constants of type Reason, in the order of package validator.
func declared(t *testing.T) []validator.Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "validator/errors.go"), nil, 0)
	require.NoError(t, err)
	var found []validator.Reason
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if of, is := spec.Type.(*ast.Ident); !is || of.Name != "Reason" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		found = append(found, validator.Reason(value))
		return true
	})
	return found
}

var classNames = map[string]error{
	"ErrNoToken":                    validator.ErrNoToken,
	"ErrInvalidRequest":             validator.ErrInvalidRequest,
	"ErrInvalidToken":               validator.ErrInvalidToken,
	"ErrInvalidProof":               validator.ErrInvalidProof,
	"ErrInsufficientAuthentication": validator.ErrInsufficientAuthentication,
	"ErrInsufficientScope":          validator.ErrInsufficientScope,
	"ErrUnavailable":                validator.ErrUnavailable,
}

// Every reason has its row, under its class and in the order of the package, with what
// a client is answered and what Reason.Advice says; and no row is of anything else.
func TestTroubleshooting(t *testing.T) {
	v, err := validator.New(validator.Config{Issuers: []validator.Issuer{{
		URL: "https://login.example.org", Audiences: []string{"api://orders"}, AnyClient: true,
	}}})
	require.NoError(t, err)
	guard, err := middleware.New(v, middleware.Config{})
	require.NoError(t, err)

	reasons := declared(t)
	require.Greater(t, len(reasons), 80)
	var rows []validator.Reason
	for _, e := range entries(t) {
		reason := validator.Reason(e.reason)
		rows = append(rows, reason)
		require.Contains(t, classNames, e.class, e.reason)
		refusal := validator.NewError(reason, "")
		assert.ErrorIs(t, refusal, classNames[e.class], e.reason)
		assert.Equal(t, answer(guard, refusal), e.answer, e.reason)
		if !*update {
			assert.Equal(t, reason.Advice(), e.advice, "%s: go test ./internal/readme -run Troubleshooting -update writes it", reason)
		}
	}
	if *update {
		writeAdvice(t)
	}
	assert.Equal(t, reasons, rows)
}

// writeAdvice writes what to do, as Reason.Advice says it, into the last column.
func writeAdvice(t *testing.T) {
	t.Helper()
	text := read(t, "docs/troubleshooting.md")
	for _, e := range entries(t) {
		row := func(advice string) string {
			return "| `" + e.reason + "` | " + strings.Join([]string{e.answer, e.meaning, e.causes, advice}, " | ") + " |"
		}
		require.Contains(t, text, row(e.advice))
		text = strings.Replace(text, row(e.advice), row(validator.Reason(e.reason).Advice()), 1)
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "docs/troubleshooting.md"), []byte(text), 0o644))
}

// answer is what a refusal is answered: the status, and the code of the challenge.
func answer(guard *middleware.Guard, refusal *validator.Error) string {
	w := httptest.NewRecorder()
	guard.Refuse(w, refusal)
	text := strconv.Itoa(w.Code)
	for _, challenge := range w.Header().Values("WWW-Authenticate") {
		if code := regexp.MustCompile(`error="(\w+)"`).FindStringSubmatch(challenge); code != nil {
			return text + " `" + code[1] + "`"
		}
	}
	return text
}
