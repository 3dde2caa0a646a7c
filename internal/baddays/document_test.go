package baddays

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what was measured into docs/bad-days.md")

const document = "../../docs/bad-days.md"

// table is what was measured of all days, as the document has it.
type table struct {
	name string
	text strings.Builder
	days int // that were to be measured, and were
}

func newTable(name, last string, columns []column) *table {
	m := &table{name: name}
	header := []string{"day"}
	for _, c := range columns {
		header = append(header, c.name)
	}
	m.line(append(header, last))
	m.text.WriteString("|" + strings.Repeat("---|", len(header)+1) + "\n")
	return m
}

func (m *table) line(cells []string) { m.text.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// add compares what was measured on a day with what should be, and notes it.
func (m *table) add(t *testing.T, day *day, want, measured row) {
	t.Helper()
	assert.Equal(t, want, measured)
	assert.LessOrEqual(t, measured.again, day.within())
	cells := []string{day.name}
	for _, o := range measured.cells {
		cells = append(cells, o.String())
	}
	m.line(append(cells, spell(measured.again)))
	m.days++
}

// check compares the table with the one in the document, or writes it there.
func (m *table) check(t *testing.T) {
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	begin, end := fmt.Sprintf("<!-- measured: %s -->\n", m.name), "<!-- end -->\n"
	places := regexp.MustCompile("(?s)"+regexp.QuoteMeta(begin)+".*?"+regexp.QuoteMeta(end)).FindAllString(string(text), -1)
	require.Len(t, places, 1, "the places of the table %q in %s", m.name, document)
	measured := begin + m.text.String() + end
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(strings.Replace(string(text), places[0], measured, 1)), 0o644))
		return
	}
	assert.Equal(t, measured, places[0], "go test ./internal/baddays -update writes what was measured")
}

// TestAdvice: the document has a word for each day, in bold, and for no other.
func TestAdvice(t *testing.T) {
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	var advised, named []string
	for _, bold := range regexp.MustCompile(`\*\*(.+?)\*\*`).FindAllStringSubmatch(string(text), -1) {
		advised = append(advised, bold[1])
	}
	for _, day := range days {
		named = append(named, day.name)
	}
	assert.ElementsMatch(t, named, advised)
}
