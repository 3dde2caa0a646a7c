package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestForgedHeaders: whatever a client says about who it is does not arrive.
func TestForgedHeaders(t *testing.T) {
	f, as := startSimple(t)
	for name, lines := range map[string]string{
		"the same name":       "X-User-Id: root\r\n",
		"lower case":          "x-user-id: root\r\n",
		"underscores":         "X_User_Id: root\r\n",
		"one underscore":      "X-User_Id: root\r\n",
		"other separators":    "X.User.Id: root\r\nX~User~Id: root\r\nX+User!Id: root\r\n",
		"twice":               "X-User-Id: root\r\nX-User-Id: admin\r\n",
		"twice, mixed":        "X-User-Id: root\r\nX_USER_ID: admin\r\n",
		"connection":          "Connection: X-User-Id\r\nX-User-Id: root\r\n",
		"connection, several": "Connection: close, x-user-id, X-User-Issuer, X-Scopes\r\n",
		"of no claim":         "X-Claim-Tenant: evil\r\n",
		"of no claim, folded": "x_claim_tenant: evil\r\n",
		"connection, no name": "Connection: x_user_id\r\nX_User_Id: root\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := f.raw(t, fmt.Sprintf("GET /orders/1 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\n%s\r\n", mint(as), lines))
			require.Equal(t, 200, got.status)
			assertOurs(t, as, got.seen.Header)
		})
	}
}

// TestReroutingHeaders: what the upstream serves is what was let through, though there
// are servers that let a header say otherwise.
func TestReroutingHeaders(t *testing.T) {
	f, _ := startSimple(t)
	for _, name := range []string{
		"X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "x_original_url", "PATH_INFO", "SCRIPT_NAME", "Path-Info", "X-Script-Name",
		"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_METHOD_OVERRIDE", "X-Original-Method",
	} {
		got := f.raw(t, fmt.Sprintf("POST /public/a HTTP/1.1\r\nHost: api\r\n%[1]s: /orders\r\nX-Other: here\r\n"+
			"Trailer: %[1]s\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n%[1]s: /orders\r\n\r\n", name))
		require.Equal(t, 200, got.status, name)
		assert.NotContains(t, fmt.Sprint(got.seen.Header, got.seen.Trailer), "/orders", name)
		assert.Equal(t, "here", got.seen.Header.Get("X-Other"))
	}
}

// assertOurs: the headers are ours, and there is none that looks like them.
func assertOurs(t *testing.T, as *validatortest.Server, header http.Header) {
	t.Helper()
	assert.Equal(t, []string{"alice"}, header["X-User-Id"])
	assert.Equal(t, []string{as.Issuer()}, header["X-User-Issuer"])
	assert.Equal(t, []string{base64.RawURLEncoding.EncodeToString([]byte(`["orders.read"]`))}, header["X-Scopes"])
	for name := range header {
		folded := strings.Map(func(r rune) rune {
			if strings.ContainsRune("_.~+!", r) {
				return '-'
			}
			return r
		}, strings.ToLower(name))
		assert.NotEqual(t, "x-claim-tenant", folded)
		if folded != strings.ToLower(name) {
			assert.NotContains(t, folded, "x-user")
		}
	}
}

// TestForgedTrailers: servers that merge trailers into headers exist.
func TestForgedTrailers(t *testing.T) {
	f, as := startSimple(t)
	const request = "POST /orders HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n%s\r\n" +
		"5\r\nhello\r\n0\r\nX-User-Id: root\r\nX_User_Id: root\r\nX-Forwarded-For: 6.6.6.6\r\nAuthorization: Bearer x\r\nDPoP: x\r\nClient-Cert: :x:\r\nX-Checksum: 42\r\n\r\n"
	for name, tc := range map[string]struct {
		announced string
		trailer   http.Header
	}{
		"announced": {
			"Trailer: X-User-Id, x_user_id, Authorization, DPoP, Client-Cert, X-Forwarded-For, X-Checksum\r\n", http.Header{"X-Checksum": {"42"}},
		},
		"only ours announced": {"Trailer: X-User-Id\r\nTrailer: X_USER_ID\r\n", nil},
		"not announced":       {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.raw(t, fmt.Sprintf(request, mint(as), tc.announced))
			require.Equal(t, 200, got.status)
			assert.Equal(t, "hello", got.seen.Body)
			assert.Equal(t, tc.trailer, got.seen.Trailer)
			assertOurs(t, as, got.seen.Header)
			assert.NotContains(t, got.seen.Header, "Trailer")
		})
	}
}

// meaning reads a header as README tells the upstream to.
func meaning(text string) any {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	var value any
	if err == nil && len(decoded) > 0 && strings.ContainsRune(`"[{`, rune(decoded[0])) && json.Unmarshal(decoded, &value) == nil {
		return value
	}
	return text
}

// TestEncoding: what arrives says exactly what the token says, and a text that is
// visible ASCII arrives as it is.
func TestEncoding(t *testing.T) {
	f, as := startSimple(t)
	encoded := base64.RawURLEncoding.EncodeToString([]byte(`"root"`))
	for name, tc := range map[string]struct {
		claim any
		plain string // empty: encoded
		means any
	}{
		"plain":                 {"acme", "acme", "acme"},
		"punctuation":           {`a,b="c";d`, `a,b="c";d`, `a,b="c";d`},
		"umlaut":                {"Zoë", "", "Zoë"},
		"a space":               {"a b", "", "a b"},
		"spaces around":         {" a ", "", " a "},
		"line feed":             {"a\r\nX-User-Id: root", "", "a\r\nX-User-Id: root"},
		"empty":                 {"", "", ""},
		"nul":                   {"a\x00b", "", "a\x00b"},
		"looks encoded":         {encoded, "", encoded},
		"looks padded":          {encoded + "==", "", encoded + "=="},
		"looks dotted":          {encoded[:3] + "." + encoded[3:], "", encoded[:3] + "." + encoded[3:]},
		"looks like list":       {base64.StdEncoding.EncodeToString([]byte(`["?>"]`)), "", base64.StdEncoding.EncodeToString([]byte(`["?>"]`))},
		"looks like list, plus": {"WyI+Pj4iXQ==", "", "WyI+Pj4iXQ=="},
		"looks cut":             {encoded + "A", "", encoded + "A"},
		"encoded number":        {"MTI", "MTI", "MTI"},
		"list":                  {[]any{"a", "b"}, "", []any{"a", "b"}},
		"list of one":           {[]any{"a"}, "", []any{"a"}},
		"empty list":            {[]any{}, "", []any{}},
		"object":                {map[string]any{"id": "a"}, "", map[string]any{"id": "a"}},
		"number":                {42, "42", "42"},
		"a number too big":      {json.RawMessage("12345678901234567891"), "12345678901234567891", "12345678901234567891"},
		"true":                  {true, "true", "true"},
		"null":                  {nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.get(t, "/orders/1", mint(as, validatortest.Claim("tenant", tc.claim)))
			require.Equal(t, 200, got.status)
			values := got.seen.Header["X-Claim-Tenant"]
			if tc.claim == nil {
				assert.Empty(t, values)
				return
			}
			require.Len(t, values, 1)
			if tc.plain != "" {
				assert.Equal(t, tc.plain, values[0])
			} else {
				assert.Regexp(t, `^[A-Za-z0-9_-]+$`, values[0])
				assert.NotEqual(t, tc.claim, values[0])
			}
			assert.Equal(t, tc.means, meaning(values[0]))
		})
	}
	got := f.get(t, "/orders/1", mint(as, validatortest.Subject("Zoë")))
	assert.Equal(t, base64.RawURLEncoding.EncodeToString([]byte(`"Zoë"`)), got.seen.Header.Get("X-User-Id"))
}

// TestTwoIssuers: two products with the same scope names, and users with the same
// sub, are two products.
func TestTwoIssuers(t *testing.T) {
	staff, partners, up := newIssuer(t, validatortest.Options{}), newIssuer(t, validatortest.Options{}), newUpstream(t)
	f := start(t, configure(t, `listen: 127.0.0.1:0
upstream: UPSTREAM
insecure_allow_http: true
identity_headers: {X-User-Id: sub, X-User-Issuer: iss, X-Audiences: aud, X-Token-Id: jti}
issuers:
  - {name: staff, url: STAFF, audiences: [api://orders], any_client: true}
  - {name: partners, url: PARTNERS, audiences: [api://orders], any_client: true}
routes:
  - {pattern: /staff, issuers: [staff], scopes: [orders.read]}
  - {pattern: /partners, issuers: [partners], scopes: [orders.read]}
  - {pattern: /both, any_trusted_issuer: true, scopes: [orders.read]}
`, "STAFF", staff.Issuer(), "PARTNERS", partners.Issuer(), "UPSTREAM", up.URL))
	for _, tc := range []struct {
		as     *validatortest.Server
		target string
		status int
	}{
		{staff, "/staff", 200}, {staff, "/partners", 403}, {staff, "/both", 200},
		{partners, "/staff", 403}, {partners, "/partners", 200}, {partners, "/both", 200},
	} {
		got := f.get(t, tc.target, mint(tc.as))
		require.Equal(t, tc.status, got.status, tc.target)
		if tc.status == 200 {
			assert.Equal(t, "alice", got.seen.Header.Get("X-User-Id"))
			assert.Equal(t, tc.as.Issuer(), got.seen.Header.Get("X-User-Issuer"))
			assert.Equal(t, []any{"api://orders"}, meaning(got.seen.Header.Get("X-Audiences")))
			assert.NotEmpty(t, got.seen.Header.Get("X-Token-Id"))
		}
	}
}
