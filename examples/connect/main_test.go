package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/validator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute // how long a test waits for what must happen

// The answers, as a client sees them: the program's own idea of what is expected is
// not trusted here.
var wanted = []struct {
	token     string
	code      connect.Code // 0: accepted
	reason    validator.Reason
	challenge string // WWW-Authenticate
	message   string
}{
	{"no token", connect.CodeUnauthenticated, "no_token", `Bearer realm="orders"`, "no access token"},
	{"two Authorization headers", connect.CodeInvalidArgument, "several_authorization_headers", malformed, "The request is malformed"},
	{"two tokens in one header", connect.CodeInvalidArgument, "malformed_authorization_header", malformed, "The request is malformed"},
	{"not a token at all", connect.CodeUnauthenticated, "not_a_jwt", invalid, "The access token is invalid"},
	{"expired", connect.CodeUnauthenticated, "expired", expired, "The access token expired"},
	{"of an issuer that nobody trusts", connect.CodeUnauthenticated, "unknown_issuer", invalid, "The access token is invalid"},
	{"of another product's issuer", connect.CodePermissionDenied, "issuer_not_allowed", notPermitted, "The access token does not permit this request"},
	{"that may only write", connect.CodePermissionDenied, "insufficient_scope", notPermitted + `, scope="orders.read"`, "The access token does not permit this request"},
	{"bound to a key, without a proof", connect.CodeUnauthenticated, "proof_missing", invalid, "The access token is invalid"},
	{"good", 0, "", "", ""},
	{"good", connect.CodePermissionDenied, "route_unknown", notPermitted, "The access token does not permit this request"},
	{"none", connect.CodeUnauthenticated, "no_token", `Bearer realm="orders"`, "no access token"},
	{"server down, known key", 0, "", "", ""},
	{"server down, unknown key", connect.CodeUnavailable, "keys_unavailable", "", "cannot decide now"},
}

const (
	malformed    = `Bearer realm="orders", error="invalid_request", error_description="The request is malformed"`
	invalid      = `Bearer realm="orders", error="invalid_token", error_description="The access token is invalid"`
	expired      = `Bearer realm="orders", error="invalid_token", error_description="The access token expired"`
	notPermitted = `Bearer realm="orders", error="insufficient_scope", error_description="The access token does not permit this request"`
)

func startDemo(t *testing.T) *demo {
	t.Helper()
	d, stop, err := start()
	require.NoError(t, err)
	t.Cleanup(stop)
	return d
}

// TestSameInEveryWay: code, text, reason, challenge and Retry-After do not depend on the
// protocol. (That they are those of net/http and grpc-go is for TestTransports.)
func TestSameInEveryWay(t *testing.T) {
	d := startDemo(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	steps, err := d.steps(ctx)
	require.NoError(t, err)
	require.Len(t, steps, len(wanted))
	for i, s := range steps {
		want := wanted[i]
		require.Equal(t, want.token, s.name)
		if s.change != nil {
			s.change()
		}
		for _, w := range d.ways() {
			messages, err := w.call(ctx, d.address+s.procedure(w), s.authorization)
			assert.Equal(t, want.reason, (<-d.journal.entries).reason, "%s: %s", s.name, w.name)
			if want.code == accepted {
				require.NoError(t, err, "%s: %s", s.name, w.name)
				assert.Equal(t, map[bool]int{false: 1, true: len(orders)}[w.streamed], messages)
				continue
			}
			assert.Zero(t, messages)
			var refusal *connect.Error
			require.ErrorAs(t, err, &refusal, "%s: %s", s.name, w.name)
			assert.Equal(t, want.code, refusal.Code(), "%s: %s", s.name, w.name)
			assert.Equal(t, want.message, refusal.Message(), "%s: %s", s.name, w.name)
			assertAnswer(t, want.challenge, refusal.Meta(), s.name+": "+w.name)
		}
	}
}

// assertAnswer: a refusal has a challenge, or says when to come again.
func assertAnswer(t *testing.T, challenge string, header http.Header, what string) {
	t.Helper()
	assert.Equal(t, "no-store", header.Get("Cache-Control"), what)
	if challenge != "" {
		assert.Equal(t, []string{challenge}, header.Values("WWW-Authenticate"), what)
		assert.Empty(t, header.Values("Retry-After"), what)
	} else {
		assert.Empty(t, header.Values("WWW-Authenticate"), what)
		assert.Regexp(t, `^[1-9]\d*$`, header.Get("Retry-After"), what)
	}
}

// TestTable: the program prints what is wanted, and no token.
func TestTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out))
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		if cells := regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1); len(cells) == 5 && cells[0] != "procedures" {
			rows = append(rows, cells)
		}
	}
	require.Len(t, rows, len(wanted))
	for i, want := range wanted {
		assert.Equal(t, want.token, rows[i][1])
		assert.Equal(t, codeName(want.code), rows[i][2])
		if want.reason != "" {
			assert.Equal(t, string(want.reason), rows[i][4])
		}
	}
	assert.NotContains(t, out.String(), "eyJ", "a token, or a part of one")
	assert.NotContains(t, out.String(), "EXPECTED")
}

// TestUnexpectedAnswer: the program notices.
func TestUnexpectedAnswer(t *testing.T) {
	d := startDemo(t)
	d.stranger = d.orders // whom everybody trusts
	var out bytes.Buffer
	assert.EqualError(t, d.showTable(t.Context(), &out), "1 of 14 answers were not as expected")
	assert.Contains(t, out.String(), "EXPECTED unauthenticated unknown_issuer")
}

func TestArguments(t *testing.T) {
	assert.NoError(t, run(t.Context(), []string{"-h"}, io.Discard))
	assert.Error(t, run(t.Context(), []string{"-unknown"}, io.Discard))
}

// TestServesOn: the lines that it prints do what they say.
func TestServesOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-serve"}, writer)
		writer.CloseWithError(io.EOF)
		ended <- err
	}()
	lines := bufio.NewScanner(reader)
	curls, what := map[string]string{}, ""
	for lines.Scan() && !(what == "public" && lines.Text() == "") {
		if strings.HasPrefix(lines.Text(), "# ") {
			what = lines.Text()[2:]
		} else if strings.HasPrefix(lines.Text(), "curl ") {
			curls[what] = lines.Text()
		}
	}
	for _, c := range []struct {
		what   string
		status int
		entry  string
	}{
		{"accepted", 200, "/orders.v1.Orders/List: accepted"},
		{"refused: this token may only read", 403, "/orders.v1.Orders/Cancel: refused, insufficient_scope"},
		{"refused: no token", 401, "/orders.v1.Orders/List: refused, no_token"},
		{"public", 200, ""},
	} {
		assert.Equal(t, c.status, doCurl(t, curls[c.what]), c.what)
		if c.entry != "" && assert.True(t, lines.Scan()) {
			assert.Equal(t, c.entry, lines.Text())
		}
	}
	cancel()
	assert.False(t, lines.Scan(), lines.Text())
	assert.NoError(t, <-ended)
}

// doCurl does what a line that the program printed says, and returns the status.
func doCurl(t *testing.T, line string) int {
	t.Helper()
	quoted := regexp.MustCompile(`-([Hd]) '([^']*)'`).FindAllStringSubmatch(line, -1)
	require.NotEmpty(t, quoted, line)
	header, body := http.Header{}, ""
	for _, q := range quoted {
		if name, value, ok := strings.Cut(q[2], ": "); q[1] == "H" && ok {
			header.Set(name, value)
		} else {
			body = q[2]
		}
	}
	r, err := http.NewRequest("POST", line[strings.LastIndex(line, " ")+1:], strings.NewReader(body))
	require.NoError(t, err)
	r.Header = header
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	require.NoError(t, err)
	response.Body.Close()
	return response.StatusCode
}
