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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The answers, as a reader of the table sees them: the program's own idea of
// what is expected is not trusted here.
var wanted = [][]string{
	{"GET /orders", "no token", "401", "no_token", "no"},
	{"GET /orders", "a good token", "200", "-", "no"},
	{"GET /orders", "the same token again", "200", "-", "yes"},
	{"POST /orders", "a token that may only read", "403 insufficient_scope", "insufficient_scope", "yes"},
	{"POST /orders", "a token that may write", "201", "-", "no"},
	{"GET /orders", "expired", "401 invalid_token", "expired", "no"},
	{"GET /orders", "for another API", "401 invalid_token", "audience_mismatch", "no"},
	{"GET /orders", "of another client", "401 invalid_token", "client_mismatch", "no"},
	{"GET /orders", "changed signature", "401 invalid_token", "bad_signature", "no"},
	{"GET /orders", "alg none", "401 invalid_token", "algorithm_not_allowed", "no"},
	{"GET /orders", "an ID token", "401 invalid_token", "not_an_access_token", "no"},
	{"GET /orders", "not a token at all", "401 invalid_token", "opaque_format", "no"},
	{"GET /orders", "a key that nobody lists", "401 invalid_token", "unknown_key", "no"},
	{"GET /orders", "the token in the query", "401", "token_in_query", "no"},
	{"GET /orders", "two Authorization headers", "400 invalid_request", "several_authorization_headers", "no"},
	{"GET /orders", "an opaque token", "200", "-", "no"},
	{"GET /orders", "the same opaque token again", "200", "-", "yes"},
	{"GET /orders", "a revoked opaque token", "401 invalid_token", "inactive", "no"},
	{"GET /orders", "an opaque token of another client", "401 invalid_token", "client_mismatch", "no"},
	{"GET /orders", "revoked after it was accepted", "200", "-", "yes"},
	{"GET /orders", "old key, withdrawn unnoticed", "200", "-", "yes"},
	{"GET /orders", "new key", "200", "-", "no"},
	{"GET /orders", "old key, after that refresh", "401 invalid_token", "unknown_key", "no"},
	{"GET /orders", "server down, known key", "200", "-", "no"},
	{"GET /orders", "server down, unknown key", "503 Retry-After N", "introspection_unavailable", "no"},
	{"GET /orders", "server down, known opaque token", "200", "-", "yes"},
	{"GET /orders", "server down, new opaque token", "503 Retry-After N", "introspection_unavailable", "no"},
}

func TestOnce(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-once"}, &out))

	var rows [][]string
	for line := range strings.Lines(out.String()) {
		cells := regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1)
		if len(cells) == 6 && cells[0] != "request" {
			_, err := time.ParseDuration(cells[4])
			require.NoError(t, err, line)
			cells[2] = regexp.MustCompile(`Retry-After \d+`).ReplaceAllString(cells[2], "Retry-After N")
			rows = append(rows, append(cells[:4:4], cells[5]))
		}
	}
	assert.Equal(t, wanted, rows)
	assert.NotContains(t, out.String(), "eyJ", "a token, or a part of one")
	assert.NotContains(t, out.String(), "EXPECTED")
}

func TestUnexpectedAnswer(t *testing.T) {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://another"})
	require.NoError(t, err)
	defer as.Close()
	log := newJournal()
	api, err := newAPI(as.Issuer(), log)
	require.NoError(t, err)
	address, stop, err := serve(api)
	require.NoError(t, err)
	defer stop()
	browser := &http.Client{Transport: &http.Transport{}}
	defer browser.CloseIdleConnections()
	as.AddClient(ordersApp.id, ordersApp.secret, "orders.read") // and not orders.write

	var out bytes.Buffer
	require.Error(t, showTable(t.Context(), &out, demo{as, browser, address, log}), "no token to be had")

	as.AddClient(ordersApp.id, ordersApp.secret, "orders.read", "orders.write")
	as.AddClient(otherApp.id, otherApp.secret, "orders.read", "orders.write")
	err = showTable(t.Context(), &out, demo{as, browser, address, log})
	require.ErrorContains(t, err, "not as expected", "minted tokens are for another API")
	assert.Contains(t, out.String(), "EXPECTED 200 -")
}

// lines sends what is written, line by line, to a reader that may leave.
func lines(ctx context.Context, r io.Reader) <-chan string {
	c := make(chan string)
	go func() {
		defer close(c)
		for s := bufio.NewScanner(r); s.Scan(); {
			select {
			case c <- s.Text():
			case <-ctx.Done():
			}
		}
	}()
	return c
}

// It serves on, and the lines that it prints do what they say.
func TestServesOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, writer)
		writer.Close()
	}()
	output := lines(ctx, reader)

	curls := map[string]string{}
	what := ""
	for line := range output {
		if strings.HasPrefix(line, "# ") {
			what = line[2:]
		}
		if strings.HasPrefix(line, "curl ") {
			curls[what] = line
		}
		if what == "a token of your own" && curls[what] != "" {
			break
		}
	}
	browser := &http.Client{Transport: &http.Transport{}}
	defer browser.CloseIdleConnections()
	statuses := map[string]int{
		"accepted":                          200,
		"refused: this token may only read": 403,
		"accepted: this one may write":      201,
		"refused: the last characters of the signature are missing": 401,
		"refused: no token":   401,
		"a token of your own": 200,
	}
	for what, status := range statuses {
		resp, err := browser.Do(fromCurl(t, curls[what]))
		require.NoError(t, err, what)
		resp.Body.Close()
		assert.Equal(t, status, resp.StatusCode, what)
	}

	cancel()
	var rest []string
	for line := range output {
		rest = append(rest, line)
	}
	assert.NotContains(t, strings.Join(rest, "\n"), "eyJ")
	require.NoError(t, <-ended)
}

// fromCurl reads the few options that the program prints.
func fromCurl(t *testing.T, line string) *http.Request {
	t.Helper()
	words := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1)
	require.NotEmpty(t, words, line)
	method, form, url := http.MethodGet, []string(nil), words[len(words)-1]
	header := http.Header{}
	auth := ""
	for i, word := range words[:len(words)-1] {
		next := strings.Trim(words[i+1], "'")
		switch word {
		case "-X":
			method = next
		case "-H":
			name, value, _ := strings.Cut(next, ": ")
			header.Add(name, value)
		case "-u":
			auth = next
		case "-d":
			form = append(form, next)
			method = http.MethodPost
			header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	req, err := http.NewRequest(method, url, strings.NewReader(strings.Join(form, "&")))
	require.NoError(t, err)
	req.Header = header
	if user, password, ok := strings.Cut(auth, ":"); ok {
		req.SetBasicAuth(user, password)
	}
	return req
}
