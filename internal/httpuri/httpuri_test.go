package httpuri_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/httpuri"
)

type vectors struct {
	Normalize []struct {
		ID, Input, Expect, Normalized string
		Scheme, Host, Description     string
		AppliesTo                     []string `json:"applies_to"`
		NormalizedHost                string   `json:"normalized_host"`
	}
	MustBeEqual    [][2]string `json:"must_be_equal"`
	MustNotBeEqual [][2]string `json:"must_not_be_equal"`
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/htu_normalization.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

// deviations are cases that we decide otherwise.
var deviations = map[string]string{
	"auth0-node-4":  "", // user information: refused (RFC 9110 4.2.4)
	"auth0-node-17": "",
	"auth0-node-36": "",
	"auth0-node-39": "",                                   // IDN: refused, for there are several mappings to punycode
	"auth0-node-42": "http://[::ffff:192.0.2.128]:3000/x", // RFC 5952 5; the two spellings are equal
	// That a path looks like an address is their policy. RFC 3986 has no such rule.
	"auth0-node-30":    "https://api.example.com//evil.example.com/steal",
	"auth0-node-32":    "https://api.example.com/https://evil.example.com/steal",
	"auth0-node-34":    "https://https//resource.com/intendedPath", // host "https", no port
	"auth0-go-port-54": "",                                         // an address without its bracket
}

// TestVectors: other projects' cases, and those of RFC 3986.
func TestVectors(t *testing.T) {
	v := load(t)
	require.Len(t, v.Normalize, 68)
	used := 0
	for _, c := range v.Normalize {
		t.Run(c.ID, func(t *testing.T) {
			want := c.Normalized
			input := c.Input
			if input == "" {
				input, want = c.Scheme+"://"+c.Host, c.Scheme+"://"+c.NormalizedHost+"/"
			}
			if own, ok := deviations[c.ID]; ok {
				require.NotEqual(t, want, own)
				want = own
				used++
			}
			got, err := httpuri.Parse(input)
			if want == "" {
				assert.Error(t, err)
				assert.Zero(t, got)
				return
			}
			require.NoError(t, err, c.Description)
			assert.Equal(t, want, got.String())
		})
	}
	assert.Len(t, deviations, used)
	for _, pair := range v.MustBeEqual {
		one, other := parse(t, pair[0]), parse(t, pair[1])
		assert.Equal(t, one, other)
	}
	for _, pair := range v.MustNotBeEqual {
		one, other := parse(t, pair[0]), parse(t, pair[1])
		assert.NotEqual(t, one, other)
	}
	assert.Equal(t, parse(t, "http://[::ffff:192.0.2.128]:3000/x"), parse(t, "http://[::ffff:c000:280]:3000/x"))
}

func parse(t *testing.T, text string) httpuri.URI {
	t.Helper()
	u, err := httpuri.Parse(text)
	require.NoError(t, err)
	return u
}

// TestParse: what each error is for.
func TestParse(t *testing.T) {
	for text, want := range map[string]error{
		"https": httpuri.ErrScheme, "http": httpuri.ErrScheme,
		"https://h/ 41": httpuri.ErrCharacters, "https://h/%4/": httpuri.ErrCharacters, "https://h/%4:": httpuri.ErrCharacters, "https://h/%4@": httpuri.ErrCharacters,
		"https://h/%4`": httpuri.ErrCharacters, "https://h/%4G": httpuri.ErrCharacters, "https://h/%:4": httpuri.ErrCharacters,
		"": httpuri.ErrScheme, "/": httpuri.ErrScheme, "//h/": httpuri.ErrScheme, "h/": httpuri.ErrScheme, "https:/h": httpuri.ErrScheme,
		"ftp://h/": httpuri.ErrScheme, "https+x://h/": httpuri.ErrScheme, " https://h/": httpuri.ErrScheme, "httpſ://h/": httpuri.ErrScheme,
		"https://": httpuri.ErrHost, "https:///a": httpuri.ErrHost, "https://:443": httpuri.ErrHost, "https://h%41/": httpuri.ErrHost,
		"https://h h/": httpuri.ErrHost, "https://é/": httpuri.ErrHost, "https://[h]/": httpuri.ErrHost, "https://[1.2.3.4]/": httpuri.ErrHost,
		"https://[::1": httpuri.ErrHost, "https://::1]/": httpuri.ErrHost, "https://[::1]x/": httpuri.ErrHost, "https://[fe80::1%25e]/": httpuri.ErrHost,
		"https://[fe80::1%e]/": httpuri.ErrHost, "https://[v1.x]/": httpuri.ErrHost, "https://h\\/": httpuri.ErrHost, "https://a:b:1/": httpuri.ErrHost,
		"https://u@h/": httpuri.ErrUser, "https://@h/": httpuri.ErrUser, "https://h:1@h/": httpuri.ErrUser,
		"https://h:0/": httpuri.ErrPort, "https://h:65536/": httpuri.ErrPort, "https://h:x/": httpuri.ErrPort, "https://h:-1/": httpuri.ErrPort,
		"https://h:+1/": httpuri.ErrPort, "https://h: 1/": httpuri.ErrPort, "https://[::1]:x": httpuri.ErrPort,
		"https://h/ ": httpuri.ErrCharacters, "https://h/\x7f": httpuri.ErrCharacters, "https://h/é": httpuri.ErrCharacters, "https://h/\\": httpuri.ErrCharacters,
		"https://h/%": httpuri.ErrCharacters, "https://h/%4": httpuri.ErrCharacters, "https://h/%4g": httpuri.ErrCharacters, "https://h/%g4": httpuri.ErrCharacters,
		"https://h/<": httpuri.ErrCharacters, "https://h/^": httpuri.ErrCharacters, "https://h?\n": httpuri.ErrCharacters, "https://h#é": httpuri.ErrCharacters,
		"https://h/?a b": httpuri.ErrCharacters,
	} {
		u, err := httpuri.Parse(text)
		assert.ErrorIs(t, err, want, "%q", text)
		assert.Zero(t, u)
	}
	for text, want := range map[string]string{
		"https://h/..":           "https://h/",
		"http://h:443/":          "http://h:443/",
		"https://h:80/":          "https://h:80/",
		"https://az09AZ/":        "https://az09az/",
		"https://h/%30%39?~#~":   "https://h/09",
		"https://h/.":            "https://h/",
		"https://h/a/..":         "https://h/",
		"https://h/a/.":          "https://h/a/",
		"https://h/a/b/..":       "https://h/a/",
		"https://h/a//..":        "https://h/a/",
		"https://h//..":          "https://h/",
		"https://h/../../a":      "https://h/a",
		"https://h/a/./b/":       "https://h/a/b/",
		"https://h/.a/..b/c..":   "https://h/.a/..b/c..",
		"https://h/...":          "https://h/...",
		"https://h/%2E":          "https://h/",
		"https://h/a%2f..":       "https://h/a%2F..",
		"https://h/a%2f../b":     "https://h/a%2F../b",
		"https://h/%2f..":        "https://h/%2F..",
		"https://h/[a]|":         "https://h/[a]|",
		"https://h/%5ba%5D%7c":   "https://h/%5Ba%5D%7C",
		"https://h/%41":          "https://h/A",
		"https://h?#?":           "https://h/",
		"https://H_1.-x/":        "https://h_1.-x/",
		"https://[::1]:443":      "https://[::1]/",
		"https://[0:0::1]/":      "https://[::1]/",
		"https://[2001:DB8::A]/": "https://[2001:db8::a]/",
		"https://h:00443/":       "https://h/",
		"https://h:65535":        "https://h:65535/",
	} {
		u, err := httpuri.Parse(text)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want, u.String())
	}
}

// TestParts: what the parts of a request are read by.
func TestParts(t *testing.T) {
	for text, want := range map[string]string{"": "/", "/": "/", "/a/../b": "/b", "/%7e": "/~", "//a": "//a"} {
		path, err := httpuri.Path(text)
		require.NoError(t, err)
		assert.Equal(t, want, path)
	}
	for _, text := range []string{"*", "a", "%2f", ".", "/a?", "/a#", " /"} {
		path, err := httpuri.Path(text)
		assert.ErrorIs(t, err, httpuri.ErrCharacters, text)
		assert.Empty(t, path)
	}
	for text, want := range map[string]string{"h": "https://h", "H:443": "https://h", "h:80": "https://h:80", "[::1]:": "https://[::1]"} {
		origin, err := httpuri.Origin("https", text)
		require.NoError(t, err)
		assert.Equal(t, want, origin)
	}
	for text, want := range map[string]error{"": httpuri.ErrHost, "h/": httpuri.ErrHost, "u@h": httpuri.ErrUser, "h:x": httpuri.ErrPort, "h, i": httpuri.ErrHost} {
		origin, err := httpuri.Origin("https", text)
		assert.ErrorIs(t, err, want, text)
		assert.Empty(t, origin)
	}
}

// plainly is the same by another way: the expression of RFC 3986 appendix B, net/url,
// and one rewriting after the other. It is sure only of what has no brackets.
func plainly(text string) (normal string, good bool) {
	parts := regexp.MustCompile(`^(?i:(https?)):\/\/([A-Za-z0-9._-]+)(?::([0-9]*))?((?:/[^?#]*)?)(?:\?[^#]*)?(?:#.*)?$`).FindStringSubmatch(text)
	if parts == nil || !regexp.MustCompile(`^[!-~]+$`).MatchString(text) {
		return "", false
	}
	scheme, path := strings.ToLower(parts[1]), parts[4]
	port := strings.TrimLeft(parts[3], "0")
	switch {
	case port == "" && parts[3] != "", len(port) > 5, len(port) == 5 && port > "65535":
		return "", false
	case port == "443" && scheme == "https", port == "80" && scheme == "http", port == "":
	default:
		port = ":" + port
	}
	if !strings.HasPrefix(port, ":") {
		port = ""
	}
	if regexp.MustCompile(`%(?:[^0-9A-Fa-f]|$|[0-9A-Fa-f](?:[^0-9A-Fa-f]|$))`).MatchString(path) || regexp.MustCompile("[\"<>\\\\^`{}]").MatchString(path) {
		return "", false
	}
	path = regexp.MustCompile(`%..`).ReplaceAllStringFunc(path, func(code string) string {
		if c, _ := url.PathUnescape(code); regexp.MustCompile(`^[A-Za-z0-9._~-]$`).MatchString(c) {
			return c
		}
		return strings.ToUpper(code)
	})
	return scheme + "://" + strings.ToLower(parts[2]) + port + dots(path), true
}

// dots is RFC 3986 5.2.4, step by step.
func dots(in string) string {
	out := ""
	for in != "" {
		switch {
		case strings.HasPrefix(in, "/./"):
			in = in[2:]
		case in == "/.":
			in = "/"
		case strings.HasPrefix(in, "/../"), in == "/..":
			in = "/" + strings.TrimPrefix(in[3:], "/")
			out = out[:max(strings.LastIndexByte(out, '/'), 0)]
		default:
			end := strings.IndexByte(in[1:], '/') + 1
			if end == 0 {
				end = len(in)
			}
			out, in = out+in[:end], in[end:]
		}
	}
	if out == "" {
		return "/"
	}
	return out
}

// FuzzParse: the normal form is its own normal form, and is what the plain way says.
func FuzzParse(f *testing.F) {
	for _, c := range load(f).Normalize {
		f.Add(c.Input)
	}
	for _, text := range []string{"https://h:443/%7e/../a%2F.?x#y", "HTTP://H:80", "https://h/%2e%2E/..//.", "https://[::1]:8443/|", "https://u@h/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := httpuri.Parse(text)
		want, good := plainly(text)
		switch {
		case err != nil && good:
			t.Fatalf("%q: %v, but it is %q", text, err, want)
		case err != nil:
			for _, known := range []error{httpuri.ErrCharacters, httpuri.ErrScheme, httpuri.ErrUser, httpuri.ErrHost, httpuri.ErrPort} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("%q: %v", text, err)
		case !good && !strings.Contains(u.Origin, "["):
			t.Fatalf("%q: accepted as %q", text, u)
		case good && u.String() != want:
			t.Fatalf("%q: %q, expected %q", text, u, want)
		}
		again, err := httpuri.Parse(u.String())
		if err != nil || again != u {
			t.Fatalf("%q: %q becomes %q, %v", text, u, again, err)
		}
		if n, err := url.Parse(u.String()); err != nil || n.Scheme+"://"+n.Host != u.Origin || n.RawQuery != "" || n.Fragment != "" || n.User != nil {
			t.Fatalf("%q: net/url reads %q as %v, %v", text, u, n, err)
		}
	})
}
