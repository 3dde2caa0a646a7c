package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sample = "internal/mutation/testdata/sample/sample.go "

// What no test of the sample notices: an equivalent, a boundary and a case that
// nobody tests, and what nobody calls.
var (
	equivalent = []string{
		sample + "Most: a < b -> a <= b",
	}
	missed = []string{
		sample + "Most: a > limit -> a >= limit",
		sample + `Kind: case "c" -> case of nothing`,
	}
	unreached = []string{
		sample + "Kind: return 2 -> nothing",
		sample + "Kind: return 2 -> return 0",
		sample + "Unused: !on -> true",
		sample + "Unused: !on -> false",
	}
)

// tried runs the tool on the sample and returns its status and its report.
func tried(t *testing.T, list string, args ...string) (int, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "equivalents.txt")
	require.NoError(t, os.WriteFile(path, []byte(list), 0o600))
	var out strings.Builder
	args = append([]string{"-list", path, "-patience", "1s"}, args...)
	code := run(t.Context(), append(args, "./testdata/sample", "./testdata/sample/user"), &out)
	return code, out.String()
}

// lines are the mutants that a report names after a word.
func lines(report, word string) []string {
	var found []string
	for _, match := range regexp.MustCompile(`(?m)^`+word+`: (?:line \d+: )?(.*)$`).FindAllStringSubmatch(report, -1) {
		found = append(found, match[1])
	}
	return found
}

func listedAs(reason string, keys ...string) string {
	return strings.Join(keys, "\n") + "\n\t" + reason + "\n"
}

func TestSurvivorsAreThoseThatNoTestNotices(t *testing.T) {
	cache := t.TempDir()
	code, report := tried(t, "", "-cache", cache)
	assert.Equal(t, 1, code, report)
	assert.ElementsMatch(t, append(equivalent, missed...), lines(report, "survived"))
	assert.ElementsMatch(t, unreached, lines(report, "unreached"))
	assert.Contains(t, report, "sample/user: 1 mutants, 1 killed, 0 equivalent, 0 survived")

	everything := listedAs("because.", append(append(equivalent, missed...), unreached...)...)
	code, report = tried(t, everything, "-cache", cache)
	assert.Equal(t, 0, code, report)
	assert.Contains(t, report, " 0 survived")

	t.Run("a mutant that only the tests of an importer notice", func(t *testing.T) {
		code, report := tried(t, "", "-importers=false", "-only", "Swallow")
		assert.Equal(t, 1, code, report)
		assert.Equal(t, []string{sample + "Swallow: return err -> return nil"}, lines(report, "unreached"))
	})
	t.Run("what is listed must go unnoticed", func(t *testing.T) {
		killed := sample + "First: len(list) == 0 -> true"
		code, report := tried(t, everything+listedAs("because.", killed), "-only", "^"+regexp.QuoteMeta(killed)+"$")
		assert.Equal(t, 1, code, report)
		assert.Equal(t, []string{killed}, lines(report, "listed as equivalent, but killed by TestFirst"))
	})
	t.Run("what is listed must exist", func(t *testing.T) {
		gone := sample + "First: len(list) == 1 -> true"
		code, report := tried(t, everything+listedAs("because.", gone), "-cache", cache)
		assert.Equal(t, 1, code, report)
		assert.Equal(t, []string{gone}, lines(report, "listed as equivalent, but there is no such mutant"))
	})
	t.Run("results are kept", func(t *testing.T) {
		kept := read(t, cache)
		code, _ := tried(t, everything, "-cache", cache)
		assert.Equal(t, 0, code)
		assert.Equal(t, kept, read(t, cache), "a second run had nothing to find out")
		for _, how := range []string{"TestFirst", "ExampleSpin", "timeout"} {
			assert.Contains(t, kept, `"Killer":"`+how+`"`)
		}
	})
}

func read(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*sample.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	return string(text)
}

func TestTheListGivesReasons(t *testing.T) {
	for name, list := range map[string]string{
		"no reason":         missed[0] + "\n",
		"no mutant":         "\tbecause.\n",
		"a mutant repeated": listedAs("because.", missed[0]) + listedAs("because.", missed[0]),
	} {
		t.Run(name, func(t *testing.T) {
			code, report := tried(t, list)
			assert.Equal(t, 2, code, report)
		})
	}
}

func TestOnly(t *testing.T) {
	code, report := tried(t, "", "-only", "First: len")
	assert.Equal(t, 0, code, report)
	assert.Contains(t, report, "2 mutants, 2 killed")
	code, report = tried(t, "", "-show", "-only", "Kind: ")
	assert.Equal(t, 0, code, report)
	assert.Contains(t, report, `Kind: case "a" -> case of anything`)
	code, report = tried(t, "", "-only", "(")
	assert.Equal(t, 2, code, report)
}

// The list that is committed is well-formed. Whether it is right takes a run.
func TestCommittedList(t *testing.T) {
	e, err := readEquivalents("equivalents.txt")
	require.NoError(t, err)
	for _, key := range e.order {
		path, _, _ := strings.Cut(key, " ")
		assert.FileExists(t, filepath.Join("..", "..", path))
	}
}
