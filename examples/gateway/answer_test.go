package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// request makes a request to the gateway; token may be empty.
func (f *front) request(t testing.TB, method, target, token string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+f.address+target, body)
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func (f *front) do(t testing.TB, r *http.Request) answer {
	t.Helper()
	response, err := f.client.Do(r)
	require.NoError(t, err)
	return read(t, response)
}

func (f *front) get(t testing.TB, target, token string) answer {
	t.Helper()
	return f.do(t, f.request(t, http.MethodGet, target, token, nil))
}

// raw sends the bytes of a request as they are, and reads one answer.
func (f *front) raw(t testing.TB, text string) answer {
	t.Helper()
	conn, reader := dial(t, f.address)
	defer conn.Close()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	return read(t, response)
}

// answer is a response that was read, and what the upstream saw if it got there.
type answer struct {
	status int
	header http.Header
	body   string
	seen   *seen // nil: the upstream was not asked
}

func read(t testing.TB, response *http.Response) answer {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	if response.Header.Get("X-Upstream") != "" {
		a.seen = new(seen)
		if len(body) > 0 {
			require.NoError(t, json.Unmarshal(body, a.seen))
		}
	}
	return a
}

// seen is a request as the upstream got it.
type seen struct {
	Method, Target, Host, Body string
	Header, Trailer            http.Header
}

// newUpstream is an upstream that answers with what it saw.
func newUpstream(t testing.TB) *httptest.Server {
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		w.Header().Set("X-Upstream", "here")
		text, err := json.Marshal(seen{r.Method, r.RequestURI, r.Host, string(body), r.Header, r.Trailer})
		assert.NoError(t, err)
		_, _ = w.Write(text)
	})
}

func upstream(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}
