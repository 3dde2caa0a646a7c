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

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute // how long a test waits for what must happen

func startDemo(t *testing.T, options *mcp.StreamableHTTPOptions) *demo {
	t.Helper()
	d, err := start(options)
	require.NoError(t, err)
	t.Cleanup(d.stop)
	return d
}

// startStateless: MCP 2026-07-28 has no sessions.
func startStateless(t *testing.T) *demo {
	t.Helper()
	return startDemo(t, &mcp.StreamableHTTPOptions{Stateless: true})
}

// The answers, as a client sees them: the program's own idea of what is expected is
// not trusted here. METADATA is the address of the server's description.
var wanted = []struct {
	token     string
	status    int
	challenge string // WWW-Authenticate of the Guard
	sdkStatus int
	sdkBody   string // of the SDK alone
	reason    validator.Reason
}{
	{"no token", 401, `Bearer resource_metadata="METADATA"`, 401, "no bearer token", "no_token"},
	{"two Authorization headers", 400, malformed, 400, "oauth error", "several_authorization_headers"},
	{"two tokens in one header", 400, malformed, 401, "no bearer token", "malformed_authorization_header"},
	{"not a token at all", 401, invalid, 401, "invalid token", "not_a_jwt"},
	{"expired", 401, `Bearer error="invalid_token", error_description="The access token expired", resource_metadata="METADATA"`, 401, "invalid token", "expired"},
	{"for another MCP server", 401, invalid, 401, "invalid token", "audience_mismatch"},
	{"of another issuer", 401, invalid, 401, "invalid token", "unknown_issuer"},
	{"of other scopes", 403, `Bearer error="insufficient_scope", error_description="The access token does not permit this request", scope="orders.read", resource_metadata="METADATA"`, 403, "insufficient scope", "insufficient_scope"},
	{"bound to a key, without a proof", 401, invalid, 401, "invalid token", "proof_missing"},
	{"good", 200, "", 200, "", ""},
	{"server down, known key", 200, "", 200, "", ""},
	{"server down, unknown key", 503, "", 500, "cannot decide now", "keys_unavailable"},
}

const (
	malformed = `Bearer error="invalid_request", error_description="The request is malformed", resource_metadata="METADATA"`
	invalid   = `Bearer error="invalid_token", error_description="The access token is invalid", resource_metadata="METADATA"`
)

// send is post, with the body.
func (d *demo) send(t *testing.T, address string, header http.Header, message string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", address, strings.NewReader(message))
	require.NoError(t, err)
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	response, err := d.browser.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// TestAnswers: the Guard's are those of RFC 6750, and what the SDK's middleware tells
// alone is never the cause.
func TestAnswers(t *testing.T) {
	d := startStateless(t)
	root := strings.TrimSuffix(d.resource, "/mcp")
	steps := d.steps()
	require.Len(t, steps, len(wanted))
	for i, s := range steps {
		want := wanted[i]
		require.Equal(t, want.token, s.name)
		if s.change != nil {
			s.change()
		}
		header := http.Header{"Authorization": s.authorization}
		d.journal.drain()
		response, _ := d.send(t, d.resource, header, listTools)
		assert.Equal(t, want.status, response.StatusCode, s.name)
		assert.Equal(t, entry(want.reason), d.journal.drain(), s.name)
		challenge := strings.ReplaceAll(want.challenge, "METADATA", root+"/.well-known/oauth-protected-resource/mcp")
		assert.Equal(t, challenge, response.Header.Get("WWW-Authenticate"), s.name)
		if want.status == 503 {
			assert.Regexp(t, `^[1-9]\d*$`, response.Header.Get("Retry-After"))
		}

		response, body := d.send(t, root+"/sdk", header, listTools)
		assert.Equal(t, want.sdkStatus, response.StatusCode, s.name)
		if want.sdkStatus != 200 {
			assert.Equal(t, want.sdkBody+"\n", body, s.name)
		}
	}
}

// TestProgram: it prints what is wanted, and no token.
func TestProgram(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out))
	assert.NotContains(t, out.String(), "eyJ", "a token, or a part of one")
	assert.NotContains(t, out.String(), "EXPECTED")
	for _, want := range wanted {
		assert.Regexp(t, `(?m)^`+want.token+` +`, out.String())
	}
	assert.Contains(t, out.String(), `result: the orders of "orders-agent": 4711, 4712, 4713`)
	assert.Contains(t, out.String(), `result: order "4711" was cancelled by "orders-agent"`)
}

// TestUnexpectedAnswer: the program notices.
func TestUnexpectedAnswer(t *testing.T) {
	d := startStateless(t)
	d.stranger = d.as // whom everybody trusts
	var out bytes.Buffer
	assert.EqualError(t, d.showTable(t.Context(), &out), "1 of 12 answers were not as expected")
	assert.Contains(t, out.String(), "EXPECTED 401 401 unknown_issuer")
}

func TestArguments(t *testing.T) {
	assert.NoError(t, run(t.Context(), []string{"-h"}, io.Discard))
	assert.Error(t, run(t.Context(), []string{"-unknown"}, io.Discard))
}

// TestDenyByDefault: beside the server there is its description, and nothing else.
func TestDenyByDefault(t *testing.T) {
	d := startStateless(t)
	root := strings.TrimSuffix(d.resource, "/mcp")
	for path, status := range map[string]int{"/.well-known/oauth-protected-resource/mcp": 200, "/.well-known/oauth-protected-resource": 401, "/": 401, "/mcp/": 401} {
		response, err := d.browser.Get(root + path)
		require.NoError(t, err)
		response.Body.Close()
		assert.Equal(t, status, response.StatusCode, path)
	}
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
	for lines.Scan() && !(strings.HasPrefix(what, "accepted, but") && lines.Text() == "") {
		if strings.HasPrefix(lines.Text(), "# ") {
			what = lines.Text()[2:]
		} else if strings.HasPrefix(lines.Text(), "curl ") {
			curls[what] = lines.Text()
		}
	}
	for _, c := range []struct {
		what   string
		status int
		body   string
		entry  string
	}{
		{"where to get a token", 200, `"authorization_servers":[`, ""},
		{"refused: no token", 401, `"title":"Unauthorized"`, "refused, no_token"},
		{"accepted", 200, `"tools":[`, "accepted"},
		{"accepted, but this token may not use the tool", 200, `"code":403`, "accepted"},
	} {
		status, body := doCurl(t, curls[c.what])
		assert.Equal(t, c.status, status, c.what)
		assert.Contains(t, body, c.body, c.what)
		if c.entry != "" && assert.True(t, lines.Scan()) {
			assert.Equal(t, c.entry, lines.Text())
		}
	}
	cancel()
	assert.False(t, lines.Scan(), lines.Text())
	assert.NoError(t, <-ended)
}

// doCurl does what a line that the program printed says.
func doCurl(t *testing.T, line string) (status int, body string) {
	t.Helper()
	require.NotEmpty(t, line)
	method, header, message := "GET", http.Header{}, ""
	for _, q := range regexp.MustCompile(`-([Hd]) '([^']*)'`).FindAllStringSubmatch(line, -1) {
		if name, value, ok := strings.Cut(q[2], ": "); q[1] == "H" && ok {
			header.Set(name, value)
		} else {
			method, message = "POST", q[2]
		}
	}
	r, err := http.NewRequest(method, line[strings.LastIndex(line, " ")+1:], strings.NewReader(message))
	require.NoError(t, err)
	r.Header = header
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// mint makes a good token for the server.
func (d *demo) mint(edits ...validatortest.Edit) string {
	return d.as.AccessToken(append([]validatortest.Edit{
		validatortest.Audience(d.resource), validatortest.ClientID(ordersAgent.id), validatortest.Subject("alice"), validatortest.Scope("orders.read"),
	}, edits...)...)
}
