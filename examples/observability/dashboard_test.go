package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dashboard is what of dashboard.json the test looks at.
type dashboard struct {
	UID, Title string
	Panels     []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

// TestDashboard: it parses, its panels do not lie on each other, and every query names
// metrics and labels that both adapters really export; and all that is exported is shown.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var d dashboard
	require.NoError(t, json.Unmarshal(text, &d))
	require.NotEmpty(t, d.UID)
	exported := scraped(t)
	asked := map[string]bool{}
	for i, p := range d.Panels {
		assert.NotEmpty(t, p.Title)
		assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for _, q := range d.Panels[:i] {
			assert.NotEqual(t, q.ID, p.ID)
			a, b := p.GridPos, q.GridPos
			assert.False(t, a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H, "%s lies on %s", p.Title, q.Title)
		}
		if p.Type == "row" {
			continue
		}
		assert.NotEmpty(t, p.Description, p.Title)
		assert.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "5m", "$issuer", ".*").Replace(target.Expr)
			assert.NotContains(t, expr, "$", "a variable that there is not")
			for _, name := range assertExported(t, exported, p.Title, expr) {
				asked[family(name)] = true
			}
		}
	}
	for name := range exported {
		assert.True(t, asked[family(name)], "%s is exported, and nowhere to be seen", name)
	}
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
		if v.Type == "query" {
			assert.Equal(t, "label_values(bearerguard_decisions_total, issuer)", v.Definition)
			assert.Contains(t, exported["bearerguard_decisions_total"], "issuer")
		}
	}
	assert.ElementsMatch(t, []string{"datasource", "issuer"}, variables)
}

// family is the name of a histogram whose parts are named.
func family(name string) string {
	for _, part := range []string{"_bucket", "_count", "_sum"} {
		name = strings.TrimSuffix(name, part)
	}
	return name
}

// TestAssertExported: the check itself finds a metric, a label in a matcher and one in a
// grouping that there are not.
func TestAssertExported(t *testing.T) {
	exported := map[string][]string{"a_total": {"x"}}
	assertExported(t, exported, "good", `sum by (x) (rate(a_total{x="1"}[5m]))`)
	for _, expr := range []string{`b_total`, `a_total{y="1"}`, `sum by (y) (a_total)`, `a_total / on (y) a_total`, `sum(`} {
		_, wrong := check(exported, expr)
		assert.NotEmpty(t, wrong, expr)
	}
}

func assertExported(t *testing.T, exported map[string][]string, what, expr string) []string {
	t.Helper()
	names, wrong := check(exported, expr)
	assert.Empty(t, wrong, "%s: %s", what, expr)
	assert.NotEmpty(t, names, what)
	return names
}

// check returns the metrics that a query asks for, and what of it there is not.
func check(exported map[string][]string, expr string) (names, wrong []string) {
	root, err := language.ParseExpr(expr)
	if err != nil {
		return nil, []string{err.Error()}
	}
	var known []string // labels of all metrics in the query
	var grouped []string
	parser.Inspect(root, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			names = append(names, n.Name)
			own, ok := exported[n.Name]
			if !ok {
				wrong = append(wrong, n.Name)
			}
			known = append(known, own...)
			for _, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel && !slices.Contains(own, m.Name) {
					wrong = append(wrong, n.Name+"{"+m.Name+"}")
				}
			}
		case *parser.AggregateExpr:
			grouped = append(grouped, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				grouped = append(grouped, n.VectorMatching.MatchingLabels...)
			}
		}
		return nil
	})
	for _, name := range grouped {
		if !slices.Contains(known, name) {
			wrong = append(wrong, "by "+name)
		}
	}
	return names, wrong
}
