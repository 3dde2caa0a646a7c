package introspect_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

// leaks are tokens in the forms that a text about the question could have.
var leaks = []string{token, "abc+/==", "a b&c", "é~é", "a"}

// withoutToken asserts that nothing of what the error says is the token.
func withoutToken(t *testing.T, raw string, err error, want introspect.Kind) {
	t.Helper()
	failed := failed(t, want, err)
	for _, text := range []string{failed.Detail, err.Error()} {
		if len(raw) > 1 {
			assert.NotContains(t, text, raw)
			assert.NotContains(t, text, url.QueryEscape(raw))
		}
	}
}

// quoting is a text that somebody wrote about a question.
func quoting(raw string) error {
	return fmt.Errorf("Post token=%s: %s %[2]s", url.QueryEscape(raw), raw)
}

func TestTransportThatQuotesTheTokenDoesNotPutItIntoTheError(t *testing.T) {
	for _, raw := range leaks {
		c := newClient(t, replying(cut(quoting(raw))))
		_, err := c.Introspect(t.Context(), raw)
		withoutToken(t, raw, err, introspect.Unavailable)
	}
}

func TestVerifyThatQuotesTheTokenDoesNotPutItIntoTheError(t *testing.T) {
	for _, raw := range leaks {
		for want, cause := range map[introspect.Kind]error{
			introspect.Malformed: quoting(raw),
			introspect.Denied:    &introspect.Error{Kind: introspect.Denied, Detail: quoting(raw).Error()},
		} {
			_, err := newClient(t, replying(with(200, jws)), signed(&verifying{err: cause})).Introspect(t.Context(), raw)
			withoutToken(t, raw, err, want)
		}
	}
}

func TestCredentialsThatQuoteTheTokenDoNotPutItIntoTheError(t *testing.T) {
	for _, raw := range leaks {
		get := func(context.Context) (string, error) { return "", quoting(raw) }
		c := newClient(t, replying(with(200, yes)), auth(introspect.BearerToken(introspect.SecretFunc(get))))
		_, err := c.Introspect(t.Context(), raw)
		withoutToken(t, raw, err, introspect.Credentials)
	}
}

func TestMetadataThatQuotesTheTokenDoesNotPutItIntoTheError(t *testing.T) {
	for _, document := range []string{`{"issuer":"https://` + token + `"}`, `{"issuer":"https://as.example","introspection_endpoint":"https://` + token + `/"}`} {
		_, err := newClient(t, replying(with(200, document)), discovering).Introspect(t.Context(), token)
		withoutToken(t, token, err, introspect.Unavailable)
	}
}

// answerRaw answers each request on a socket with a text that need not be HTTP.
func answerRaw(t *testing.T, text string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(connection)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(connection, text)
			}
			connection.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

// What net/http cannot read, it quotes.
func TestServerThatEchoesTheTokenDoesNotPutItIntoTheError(t *testing.T) {
	for name, text := range map[string]string{
		"no HTTP":            token + " " + token + "\r\n\r\n",
		"status":             "HTTP/1.1 " + token + " " + token + "\r\n\r\n",
		"reason":             "HTTP/1.1 500 " + token + "\r\nContent-Length: 0\r\n\r\n",
		"header":             "HTTP/1.1 200 OK\r\n" + token + "\r\n\r\n",
		"length":             "HTTP/1.1 200 OK\r\nContent-Length: " + token + "\r\n\r\n",
		"transfer encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + token + "\r\n\r\n",
		"redirect to no URL": "HTTP/1.1 302 Found\r\nLocation: https://[" + token + "\r\nContent-Length: 0\r\n\r\n",
		"body":               "HTTP/1.1 400 Bad Request\r\nContent-Length: 29\r\n\r\n" + `{"error":"` + token + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, nil, client(nil), loopback, at(answerRaw(t, text)))
			_, err := c.Introspect(t.Context(), token)
			withoutToken(t, token, err, introspect.Unavailable)
		})
	}
	for name, body := range map[string]string{"member": `{"active":true,"` + token + `":1,"` + token + `":2}`, "page": token} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, replying(with(200, body))).Introspect(t.Context(), token)
			withoutToken(t, token, err, introspect.Malformed)
		})
	}
}

// Nothing is everywhere in a text.
func TestEmptyTokenLeavesTheErrorAsItIs(t *testing.T) {
	c := newClient(t, replying(cut(errors.New("no route to host"))))
	_, err := c.Introspect(t.Context(), "")
	assert.Equal(t, fails(t, c, introspect.Unavailable).Detail, failed(t, introspect.Unavailable, err).Detail)
}

// The code helps whoever reads the log; one that nobody knows could be anything.
func TestDetailNamesStatusAndKnownCodesOnly(t *testing.T) {
	detail := func(status int, body string) string {
		_, err := newClient(t, replying(with(status, body))).Introspect(t.Context(), token)
		return failed(t, introspect.Unavailable, err).Detail
	}
	assert.NotEqual(t, detail(404, ""), detail(405, ""))
	for _, code := range []string{"invalid_request", "invalid_token", "insufficient_scope"} {
		assert.Contains(t, detail(400, oauthError(code)), code)
	}
	assert.Equal(t, detail(400, ""), detail(400, oauthError("of-our-own")))
}
