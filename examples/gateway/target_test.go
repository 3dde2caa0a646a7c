package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestPaths: the answer to a request target, with a token that every route accepts.
// What the upstream gets is what was sent, unless something else stands here.
func TestPaths(t *testing.T) {
	f, as := startSimple(t)
	token := mint(as)
	for _, tc := range []struct {
		target string
		status int
		as     string
	}{
		{"/orders/1", 200, ""},
		{"/orders/1?", 200, ""},
		{"/orders/1?x=/../..%2f;%00//", 200, ""}, // a query is not a path
		{"/orders/a%20b", 200, ""},
		{"/orders/50%25", 200, ""},
		{"/orders/50%2525", 200, ""},
		{"/orders/%C3%A9", 200, ""},
		{"/orders/%41", 200, ""},
		{"/orders/a...b", 200, ""},
		{"/orders/...", 200, ""},
		{"/orders/.hidden", 200, ""},
		{"/orders/a:b@c$&'()*+,=!~", 200, ""},

		{"/orders/..%2fadmin", 400, ""},
		{"/orders/..%2Fadmin", 400, ""},
		{"/orders/a%2fb", 400, ""},
		{"/orders/a%5cb", 400, ""},
		{"/orders/a%5Cb", 400, ""},
		{`/orders/a\b`, 400, ""},
		{`/orders\1`, 400, ""},
		{"/orders/a%00", 400, ""},
		{"/orders/a%0d%0aX-User-Id:%20root", 400, ""},
		{"/orders/a%7f", 400, ""},
		{"/orders/a;b", 400, ""},
		{"/orders/..;", 400, ""},
		{"/orders/a%3bb", 400, ""},
		{"/orders/a%3Bb", 400, ""},
		{"/orders/%2e%2e", 400, ""},
		{"/orders/%2E%2e", 400, ""},
		{"/orders/.%2e", 400, ""},
		{"/orders/%2e", 400, ""},
		{"/public/%2e%2e/orders/1", 400, ""},
		{"/orders/..", 400, ""},
		{"/orders/.", 400, ""},
		{"/orders/../public/x", 400, ""},
		{"/public/../orders/1", 400, ""},
		{"/public/./x", 400, ""},
		{"//orders/1", 400, ""},
		{"/orders//1", 400, ""},
		{"/public//", 400, ""},
		{"/orders/%252e%252e", 400, ""},
		{"/orders/..%252fadmin", 400, ""},
		{"/orders/a%255cb", 400, ""},
		{"/orders/%c0%ae%c0%ae", 400, ""}, // overlong: no UTF-8
		{"/orders/..%c0%afadmin", 400, ""},
		{`/orders/"`, 400, ""}, // spelled in no regular way
		{"/orders/ä", 400, ""},
		{"/orders/1#x", 400, ""},
		{"*", 400, ""},
		{"http://example.com/orders/1", 400, ""},
		{"/nowhere/a%2fb", 400, ""},

		// allow_encoded
		{"/files/a/b", 200, ""},
		{"/files/a%2fb", 200, ""},
		{"/files/a%5Cb", 200, ""},
		{"/files/a%00", 200, ""},
		{"/files/a;b", 200, ""},
		{"/files/..%2f..%2fadmin", 200, ""},
		{"/files/%2e%2e/admin", 200, ""},
		{"/files/%c0%ae", 200, ""},
		{"/files/%252e", 200, ""},
		{`/files/a\b`, 200, "/files/a%5Cb"},
		{`/files/"`, 200, "/files/%22"},
		{"/files/../orders/1", 400, ""}, // a mux cleans them
		{"/files//a", 400, ""},
		{"/files/a/./b", 400, ""},
	} {
		t.Run(tc.target, func(t *testing.T) {
			got := f.raw(t, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\n\r\n", tc.target, token))
			require.Equal(t, tc.status, got.status)
			if tc.status != 200 {
				assert.Nil(t, got.seen)
				return
			}
			if tc.as == "" {
				tc.as = tc.target
			}
			require.NotNil(t, got.seen)
			assert.Equal(t, tc.as, got.seen.Target)
		})
	}
}

// TestPathsBeforeTokens: a path is looked at before anything else is, whatever the token
// is worth: a bad one hides nothing of a bad path, and a good one excuses none.
func TestPathsBeforeTokens(t *testing.T) {
	f, as := startSimple(t)
	tokens := map[string]string{
		"none": "", "good": mint(as), "expired": mint(as, validatortest.Expiry(time.Now().Add(-time.Hour))), "junk": "junk",
	}
	for target, status := range map[string][2]int{ // with a bad token, or none; with a good one
		"/orders/1": {401, 200}, "/orders/a%2fb": {400, 400}, "/files/a%2fb": {401, 200}, "/files/../x": {400, 400},
		"/public/a": {200, 200}, "/public/a%2fb": {400, 400}, "/nowhere": {401, 403}, "/nowhere/a%2fb": {400, 400}, "//orders/1": {400, 400},
	} {
		for name, token := range tokens {
			header := ""
			if token != "" {
				header = "Authorization: Bearer " + token + "\r\n"
			}
			want := status[0]
			if name == "good" {
				want = status[1]
			}
			got := f.raw(t, "GET "+target+" HTTP/1.1\r\nHost: api\r\n"+header+"\r\n")
			assert.Equal(t, want, got.status, "%s, token: %s", target, name)
			assert.Equal(t, want == 200, got.seen != nil, "%s, token: %s", target, name)
		}
	}
	assert.Equal(t, 400, f.raw(t, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n").status)
	assert.Equal(t, 401, f.raw(t, "CONNECT /public/a HTTP/1.1\r\nHost: example.com:443\r\n\r\n").status)
	assert.Equal(t, 400, f.raw(t, "OPTIONS * HTTP/1.1\r\nHost: api\r\n\r\n").status)
	// allow_encoded is the route's: of that method and no other.
	assert.Equal(t, 400, f.raw(t, "DELETE /files/a%2fb HTTP/1.1\r\nHost: api\r\n\r\n").status)
}
