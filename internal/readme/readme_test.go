package readme

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// compiled are the files that README.md and docs may quote from. All are built, and
// run where they can be, by go test.
var compiled = []string{
	"validator/example*_test.go",
	"middleware/example*_test.go",
	"jwks/example*_test.go",
	"middleware/mtls/example*_test.go",
	"middleware/dpop/example*_test.go",
	"middleware/grpcauth/example*_test.go",
	"cache/rediscache/example*_test.go",
	"internal/readme/firstapi/*.go",
	"internal/readme/servers/*.go",
	"examples/quickstart/*.go",
	"examples/explain/*.go",
	"examples/grpc/*.go",
	"examples/observability/*.go",
	"examples/routers/*.go",
	"examples/migrate/*/*.go",
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}

// documents are README.md and the guides.
func documents(t *testing.T) []string {
	t.Helper()
	guides, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, guides)
	for i, name := range guides {
		guides[i] = strings.TrimPrefix(name, root+"/")
	}
	return append(guides, "README.md")
}

// prose are the guides that show no code.
var prose = []string{"docs/bad-days.md", "docs/dependencies.md", "docs/load.md", "docs/soak.md", "docs/troubleshooting.md", "docs/vectors.md"}

func TestDocumentsAreCompiled(t *testing.T) {
	sources := map[string]string{}
	for _, pattern := range compiled {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, names, pattern)
		for _, name := range names {
			sources[name] = read(t, strings.TrimPrefix(name, root+"/"))
		}
	}
	for _, document := range documents(t) {
		if slices.Contains(prose, document) {
			assert.NotContains(t, read(t, document), "```", document)
			continue
		}
		found, err := blocks(read(t, document))
		require.NoError(t, err, document)
		for _, b := range found {
			assert.True(t, containsAny(sources, b.text), "%s:%d: this block is in none of %q:\n%s", document, b.line, compiled, b.text)
		}
		t.Logf("%s: %d blocks", document, len(found))
	}
}

func containsAny(sources map[string]string, text string) bool {
	for _, source := range sources {
		if contains(source, text) {
			return true
		}
	}
	return false
}

func TestReadmeIsShort(t *testing.T) {
	assert.LessOrEqual(t, strings.Count(read(t, "README.md"), "\n"), 300)
}

// From import to a protected handler it takes 20 lines.
func TestFirstExampleIsShort(t *testing.T) {
	found, err := blocks(read(t, "README.md"))
	require.NoError(t, err)
	first, _, protected := strings.Cut(found[0].text, "log.Fatal(http.ListenAndServe")
	require.True(t, protected)
	require.Contains(t, first, ".Require(")
	lines := 0
	for _, line := range strings.Split(first[strings.Index(first, "import"):], "\n") {
		if strings.TrimSpace(line) != "" {
			lines++
		}
	}
	assert.LessOrEqual(t, lines, 20)
}

// Links into the repository lead somewhere.
func TestLinks(t *testing.T) {
	for _, document := range append(documents(t), "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md") {
		for _, link := range regexp.MustCompile(`(?m)(?:^|\s)\[[^\]]+\]\(([^)#]+)`).FindAllStringSubmatch(read(t, document), -1) {
			if !strings.Contains(link[1], "://") {
				assert.FileExists(t, filepath.Join(root, filepath.Dir(document), link[1]), document)
			}
		}
	}
}

// Pictures can be shown, and say in words what they show.
func TestPictures(t *testing.T) {
	pictures, err := filepath.Glob(filepath.Join(root, "docs/*.svg"))
	require.NoError(t, err)
	require.NotEmpty(t, pictures)
	for _, name := range pictures {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var picture struct {
			XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
			ViewBox string   `xml:"viewBox,attr"`
			Title   string   `xml:"title"`
			Desc    string   `xml:"desc"`
		}
		require.NoError(t, xml.Unmarshal(text, &picture), name)
		assert.NotEmpty(t, picture.ViewBox, name)
		assert.NotEmpty(t, picture.Title, name)
		assert.NotEmpty(t, picture.Desc, name)
	}
}

// The check itself: it must not pass by finding nothing.
func TestBlocks(t *testing.T) {
	found, err := blocks("a\n```go\nx := 1\n\ny()\n```\nb\n```sh\nls\n```\n```Go title\nz()\n```\n")
	require.NoError(t, err)
	assert.Equal(t, []block{{2, "x := 1\n\ny()\n"}, {11, "z()\n"}}, found)

	for _, document := range []string{"", "no code", "```\nplain\n```\n", "```go\nopen\n", "```sh\nls\n```\n```go\nopen"} {
		_, err := blocks(document)
		assert.Error(t, err, document)
	}
}

func TestContains(t *testing.T) {
	source := "package p\n\nfunc f() {\n\tx := 1\n\n\tif x > 0 {\n\t\tg(x)\n\t}\n}\n"
	for _, text := range []string{"x := 1\n", "x := 1\n\nif x > 0 {\n\tg(x)\n}\n", "\t\tg(x)\n", source} {
		assert.True(t, contains(source, text), text)
	}
	for _, text := range []string{"", "\n", "x := 2\n", "x := 1\ng(x)\n", "x :=\n", "g(x) // so\n", "(x)\n"} {
		assert.False(t, contains(source, text), text)
	}
}
