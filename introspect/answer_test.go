package introspect_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

// nested is JSON that is that deep.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + `{}` + strings.Repeat("}", depth-1)
}

// bodies are what a server can answer. Those that are no answer differ from one
// that is in one thing.
var bodies = []struct {
	name, body     string
	answer, active bool
}{
	{"active", yes, true, true},
	{"inactive", no, true, false},
	{"with more", `{"scope":"a","active":true,"sub":"b","x":{"active":false},"y":[{"active":1}]}`, true, true},
	{"inactive with more", `{"sub":"b","active":false,"x":{"active":true}}`, true, false},
	{"space around", " \t\r\n{ \"active\" : true }\r\n\t ", true, true},
	{"name escaped", `{"\u0061ctive":true}`, true, true},
	{"deep", `{"active":true,"a":` + nested(jose.MaxDepth-1) + `}`, true, true},
	{"another name", `{"active":true,"activity":false,"inactive":true,"activ":1}`, true, true},

	{"true as a string", `{"active":"true"}`, false, false},
	{"false as a string", `{"active":"false"}`, false, false},
	{"empty string", `{"active":""}`, false, false},
	{"one", `{"active":1}`, false, false},
	{"zero", `{"active":0}`, false, false},
	{"null", `{"active":null}`, false, false},
	{"list", `{"active":[]}`, false, false},
	{"list of true", `{"active":[true]}`, false, false},
	{"object", `{"active":{}}`, false, false},
	{"object of true", `{"active":{"active":true}}`, false, false},
	{"missing", `{"sub":"a"}`, false, false},
	{"only nested", `{"a":{"active":true}}`, false, false},
	{"no members", `{}`, false, false},

	{"twice", `{"active":true,"active":true}`, false, false},
	{"twice, other first", `{"active":false,"active":true}`, false, false},
	{"twice, other last", `{"active":true,"active":false}`, false, false},
	{"twice, once escaped", `{"active":true,"\u0061ctive":true}`, false, false},
	{"twice, of no type first", `{"active":1,"active":true}`, false, false},
	{"another twice", `{"active":true,"sub":"a","sub":"a"}`, false, false},
	{"twice, nested", `{"active":true,"a":{"b":1,"b":2}}`, false, false},
	{"twice, deeply nested", `{"active":true,"a":[[{"b":{"c":1,"c":2}}]]}`, false, false},
	{"capital", `{"Active":true}`, false, false},
	{"capitals beside", `{"active":true,"ACTIVE":false}`, false, false},
	{"capitals before", `{"ACTIVE":false,"active":true}`, false, false},
	{"Cyrillic a beside", `{"active":true,"аctive":false}`, false, false},
	{"Cyrillic a", `{"аctive":true}`, false, false},
	{"invisible beside", `{"active":true,"act\u200bive":false}`, false, false},

	{"trailing object", yes + `{}`, false, false},
	{"trailing comma", `{"active":true,}`, false, false},
	{"trailing letter", yes + `x`, false, false},
	{"trailing brace", yes + `}`, false, false},
	{"trailing NUL", yes + "\x00", false, false},
	{"two answers", yes + "\n" + no, false, false},
	{"byte order mark", "\ufeff" + yes, false, false},
	{"invalid UTF-8", `{"active":true,"a":"` + "\xff" + `"}`, false, false},
	{"invalid UTF-8 in a name", `{"active":true,"` + "\xc0\x80" + `":1}`, false, false},
	{"half a pair", `{"active":true,"a":"\ud800"}`, false, false},
	{"too deep", `{"active":true,"a":` + nested(jose.MaxDepth) + `}`, false, false},
	{"very deep", `{"active":true,"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, false, false},

	{"empty", ``, false, false},
	{"space", ` `, false, false},
	{"array", `[` + yes + `]`, false, false},
	{"true alone", `true`, false, false},
	{"null alone", `null`, false, false},
	{"a string", `"active"`, false, false},
	{"login page", `<!DOCTYPE html><html><body>active: true</body></html>`, false, false},
	{"a form", `active=true`, false, false},
	{"a JWS", `eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.`, false, false},
	{"cut", `{"active":true`, false, false},
	{"cut in the value", `{"active":tr`, false, false},
	{"not quite true", `{"active":trux}`, false, false},
	{"TRUE", `{"active":TRUE}`, false, false},
	{"single quotes", `{'active':true}`, false, false},
	{"comment", `{"active":true/**/}`, false, false},
}

func TestAnswers(t *testing.T) {
	for _, test := range bodies {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, replying(with(200, test.body)))
			if !test.answer {
				fails(t, c, introspect.Malformed)
				return
			}
			answer, err := c.Introspect(t.Context(), token)
			require.NoError(t, err)
			assert.Equal(t, test.active, answer.Active)
			assert.Equal(t, test.body, answer.Text, "as it came")
		})
	}
}

// A page instead of an answer may be due to the token.
func TestWhatIsNoAnswerDoesNotCountAgainstTheServer(t *testing.T) {
	neverSuspends(t, newClient(t, replying(with(200, "<html>"))), introspect.Malformed)
}

// What it says of its type is not looked at: many servers get it wrong.
func TestMediaTypeOfAnAnswerDoesNotMatter(t *testing.T) {
	for _, mediaType := range []string{"", "application/json", "application/json;charset=utf-8", "text/plain", "text/html"} {
		isActive(t, newClient(t, replying(with(200, yes, "Content-Type", mediaType))))
	}
}

// counting counts what is read of a body.
type counting struct {
	io.Reader
	read int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}

// sized is an answer of that many bytes, all of which are read before it counts.
func sized(size int) string { return yes + strings.Repeat(" ", size-len(yes)) }

func TestBodyIsBounded(t *testing.T) {
	for _, status := range []int{200, 400} {
		for size, fits := range map[int]bool{remote.MaxReply: true, remote.MaxReply + 1: false, 10 << 20: false} {
			body := &counting{Reader: strings.NewReader(sized(size))}
			n := replying(func(r *http.Request) (*http.Response, error) { return respond(r, status, body), nil })
			c := newClient(t, n)
			if status == 200 && fits {
				isActive(t, c)
			} else {
				fails(t, c, introspect.Unavailable)
			}
			assert.LessOrEqual(t, body.read, remote.MaxReply+1, "what is too much is not even read")
		}
	}
	assert.Equal(t, 64<<10, remote.MaxReply)
}

// What makes an answer that long is the token's affair.
func TestBodyThatIsTooLongDoesNotCountAgainstTheServer(t *testing.T) {
	neverSuspends(t, newClient(t, replying(with(200, sized(remote.MaxReply+1)))), introspect.Unavailable)
}

// The bomb is small on the wire; what counts is what it becomes.
func TestDecompressedBodyIsBounded(t *testing.T) {
	for size, fits := range map[int]bool{remote.MaxReply: true, remote.MaxReply + 1: false, 64 << 20: false} {
		bomb := gzipped(t, size)
		o := listen(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		}, plain)
		if c := socketClient(t, o); fits {
			isActive(t, c)
		} else {
			fails(t, c, introspect.Unavailable)
		}
	}
}

func gzipped(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, sized(size))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}
