package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// base is a good file, with a line for every test to change.
const base = `listen: 127.0.0.1:0
upstream: http://127.0.0.1:9000
identity_headers:
  X-User-Id: sub
issuers:
  - name: orders
    url: https://orders.example.com
    audiences: [api://orders]
    client_ids: [orders-app]
    introspection:
      client_id: orders-api
      secret_file: secret
      format: {prefix: at_}
routes:
  - pattern: GET /orders/{id}
    scopes: [orders.read]
  - pattern: /public/
    public: true
`

// refused is what the program says about a file, without the name of the file.
func refused(t *testing.T, path string) []string {
	t.Helper()
	var out, log strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // if it serves, it ends
	err := run(ctx, nil, []string{"-config", path}, &out, &log)
	require.Error(t, err)
	assert.Empty(t, out.String())
	assert.Empty(t, log.String())
	var said strings.Builder
	complain(&said, err)
	var lines []string
	for line := range strings.Lines(said.String()) {
		rest, ok := strings.CutPrefix(line, "gateway: "+path+":")
		require.True(t, ok, line)
		lines = append(lines, strings.TrimSuffix(rest, "\n"))
	}
	return lines
}

// withSecret writes a file with a secret beside it.
func withSecret(t *testing.T, text string) string {
	t.Helper()
	path := configure(t, text)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "secret"), []byte("a secret"), 0o600))
	return path
}

// TestMistakes: every mistake is told with the line and the field.
func TestMistakes(t *testing.T) {
	_, err := load(withSecret(t, base))
	require.NoError(t, err, "the neighbour of all")
	for name, tc := range map[string]struct {
		old, new string // a replacement in base; an empty old appends
		said     []string
	}{
		"unknown field":          {"", "listenn: x\n", strs{"19: listenn: there is no such field"}},
		"unknown field inside":   {"scopes: [", "scope: [", strs{"16: routes[0].scope: there is no such field"}},
		"unknown field, deep":    {"{prefix:", "{prefixes:", strs{"13: issuers[0].introspection.format.prefixes: there is no such field"}},
		"twice":                  {"", "listen: x\n", strs{"19: listen: is there twice: the first is in line 1"}},
		"twice inside":           {"public: true", "public: true\n    public: true", strs{"19: routes[1].public: is there twice: the first is in line 18"}},
		"header twice":           {"X-User-Id: sub", "X-User-Id: sub\n  X-User-Id: iss", strs{"5: identity_headers.X-User-Id: is there twice: the first is in line 4"}},
		"no listen":              {"listen: 127.0.0.1:0\n", "", strs{"1: listen: is required"}},
		"no issuers":             {base[strings.Index(base, "issuers:"):strings.Index(base, "routes:")], "", strs{"1: issuers: is required"}},
		"no routes":              {base[strings.Index(base, "routes:"):], "", strs{"1: routes: is required"}},
		"no url":                 {"    url: https://orders.example.com\n", "", strs{"6: issuers[0].url: is required"}},
		"no audiences":           {"    audiences: [api://orders]\n", "", strs{"6: issuers[0].audiences: is required"}},
		"no pattern":             {"pattern: /public/\n    ", "", strs{"17: routes[1].pattern: is required"}},
		"no clients":             {"    client_ids: [orders-app]\n", "", strs{"6: issuers[0].client_ids: name the clients whose tokens are accepted, or say any_client"}},
		"clients and any":        {"client_ids: [orders-app]", "client_ids: [orders-app]\n    any_client: true", strs{"9: issuers[0].client_ids: any_client says that it does not matter, but clients are named"}},
		"empty list":             {"scopes: [orders.read]", "scopes: []", strs{"16: routes[0].scopes: is empty: leave it out, or say what it is"}},
		"null":                   {"scopes: [orders.read]", "scopes:", strs{"16: routes[0].scopes: is empty: leave it out, or say what it is"}},
		"empty mapping":          {"{prefix: at_}", "{}", strs{"13: issuers[0].introspection.format: is empty: leave it out, or say what it is"}},
		"no headers":             {"  X-User-Id: sub\n", "  {}\n", strs{"3: identity_headers: is empty: leave it out, or say what it is"}},
		"an empty route":         {"- pattern: /public/\n    public: true", "- {}", strs{"17: routes[1]: is empty: leave it out, or say what it is"}},
		"empty text":             {"name: orders", `name: ""`, strs{"6: issuers[0].name: is empty: leave it out, or say what it is"}},
		"empty item":             {"[orders.read]", `[""]`, strs{"16: routes[0].scopes[0]: is empty: leave it out, or say what it is"}},
		"a number for a text":    {"name: orders", "name: 12", strs{"6: issuers[0].name: must be a text: write it in quotes"}},
		"a text for a list":      {"[orders.read]", "orders.read", strs{"16: routes[0].scopes: must be a list"}},
		"a list for a text":      {"name: orders", "name: [orders]", strs{"6: issuers[0].name: must be a text"}},
		"a text for a bool":      {"public: true", `public: "true"`, strs{"18: routes[1].public: must be true or false"}},
		"yes for a bool":         {"public: true", "public: yes", strs{"18: routes[1].public: must be true or false"}},
		"a list for a mapping":   {"format: {prefix: at_}", "format: [at_]", strs{"13: issuers[0].introspection.format: must be a mapping of fields to values"}},
		"a text for a number":    {"{prefix: at_}", "{min_length: x}", strs{"13: issuers[0].introspection.format.min_length: must be a whole number"}},
		"an anchor":              {"name: orders", "name: &x orders", strs{"6: issuers[0].name: anchors and aliases are not supported: write it out"}},
		"an alias":               {"audiences: [api://orders]", "audiences: [api://orders]\n    any_client: *x", strs{"9: syntax: unknown anchor 'x' referenced"}},
		"no unit":                {"", "leeway: 30\n", strs{"19: leeway: must be a duration with a unit, such as 30s or 5m"}},
		"negative":               {"", "leeway: -30s\n", strs{"19: leeway: must be a duration with a unit, such as 30s or 5m"}},
		"leeway":                 {"", "leeway: 6m\n", strs{"19: leeway: must not be above 5m0s"}},
		"no YAML":                {"issuers:", "issuers: [", strs{"5: syntax: did not find expected node content"}},
		"two documents":          {"", "---\nlisten: x\n", strs{"19: syntax: there must be one document"}},
		"listen":                 {"127.0.0.1:0", "localhost", strs{"1: listen: must be a host and a port, such as 127.0.0.1:8080 or :8080"}},
		"admin listen":           {"", "admin_listen: localhost\n", strs{"19: admin_listen: must be a host and a port, such as 127.0.0.1:8080 or :8080"}},
		"listen cannot be had":   {"127.0.0.1:0", "192.0.2.1:0", strs{"1: listen: listen tcp 192.0.2.1:0: bind: cannot assign requested address"}},
		"admin cannot be had":    {"", "admin_listen: 192.0.2.1:0\n", strs{"19: admin_listen: listen tcp 192.0.2.1:0: bind: cannot assign requested address"}},
		"no connections":         {"", "max_connections: 0\n", strs{"19: max_connections: must be at least 1"}},
		"realm":                  {"", "realm: Zoë\n", strs{"19: realm: must be printable ASCII"}},
		"no upstream":            {"upstream: http://127.0.0.1:9000\n", "", strs{"14: routes[0].upstream: is required, for there is no upstream for all routes", "16: routes[1].upstream: is required, for there is no upstream for all routes"}},
		"upstream no URL":        {"http://127.0.0.1:9000", "127.0.0.1:9000", strs{"2: upstream: must be the address of a server, such as http://127.0.0.1:9000"}},
		"upstream scheme":        {"http://127.0.0.1:9000", "ftp://127.0.0.1:9000", strs{"2: upstream: must be the address of a server, such as http://127.0.0.1:9000"}},
		"upstream path":          {"http://127.0.0.1:9000", "http://127.0.0.1:9000/api", strs{"2: upstream: must not have a path, query or fragment: requests go on with their own"}},
		"upstream user":          {"http://127", "http://u:p@127", strs{"2: upstream: must not contain user information"}},
		"route's upstream":       {"public: true", "public: true\n    upstream: x", strs{"19: routes[1].upstream: must be the address of a server, such as http://127.0.0.1:9000"}},
		"issuer is http":         {"https://orders", "http://orders", strs{"7: issuers[0].url: must be https"}},
		"issuer is http here":    {"https://orders.example.com", "http://127.0.0.1:1", strs{"7: issuers[0].url: must be https (plain http to loopback needs insecure_allow_http)"}},
		"okta org":               {"https://orders.example.com", "https://example.okta.com", strs{"7: issuers[0].url: "}},
		"profile":                {"client_ids:", "profile: auth0\n    client_ids:", strs{"9: issuers[0].profile: must be generic, okta or rfc9068"}},
		"algorithm":              {"client_ids:", "algorithms: [HS256]\n    client_ids:", strs{`9: issuers[0].algorithms: "HS256" is not an asymmetric JWS algorithm that this library verifies`}},
		"jwks_url":               {"client_ids:", "jwks_url: http://x\n    client_ids:", strs{"9: issuers[0].jwks_url: must be https"}},
		"opaque_only":            {"client_ids:", "opaque_only: true\n    jwks_url: https://x\n    client_ids:", strs{"9: issuers[0].opaque_only: says that no keys are needed, but jwks_url says where they are"}},
		"opaque_only, always":    {"client_ids:", "opaque_only: true\n    client_ids:", nil},
		"endpoint":               {"      client_id: o", "      endpoint: http://x\n      client_id: o", strs{"11: issuers[0].introspection.endpoint: must be https"}},
		"hosts":                  {"      client_id: o", "      hosts: [\"*.x\"]\n      client_id: o", strs{`11: issuers[0].introspection.hosts: "*.x" is not a host, or a host and port`}},
		"auth":                   {"      client_id: o", "      auth: none\n      client_id: o", strs{"11: issuers[0].introspection.auth: must be client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth or bearer"}},
		"no client_id":           {"      client_id: orders-api\n", "", strs{"10: issuers[0].introspection.client_id: is required with auth client_secret_basic"}},
		"no secret_file":         {"      secret_file: secret\n", "", strs{"10: issuers[0].introspection.secret_file: is required with auth client_secret_basic"}},
		"no such secret":         {"secret_file: secret", "secret_file: nowhere", strs{"12: issuers[0].introspection.secret_file: no such file or directory"}},
		"an empty secret":        {"secret_file: secret", "secret_file: /dev/null", strs{"12: issuers[0].introspection.secret_file: the file is empty"}},
		"a long secret":          {"secret_file: secret", "secret_file: /dev/zero", strs{"12: issuers[0].introspection.secret_file: is longer than 1 MiB"}},
		"a directory":            {"secret_file: secret", "secret_file: /", strs{"12: issuers[0].introspection.secret_file: is a directory"}},
		"inline secret":          {"secret_file: secret", "secret: hunter2", strs{"12: issuers[0].introspection.secret: there is no such field"}},
		"an anchored header":     {"X-User-Id: sub", "X-User-Id: &x sub", strs{"4: identity_headers.X-User-Id: anchors and aliases are not supported: write it out"}},
		"a key it does not use":  {"secret_file: secret", "secret_file: secret\n      key_file: x", strs{"13: issuers[0].introspection.key_file: does not belong to auth client_secret_basic"}},
		"always, opaque_only":    {"      client_id: o", "      always: true\n      client_id: o", nil},
		"max_age":                {"      client_id: o", "      max_age: 0s\n      client_id: o", strs{"11: issuers[0].introspection.max_age: must be more than 0s: leave it out if it does not matter"}},
		"max_age, no unit":       {"      client_id: o", "      max_age: 1us\n      client_id: o", strs{"11: issuers[0].introspection.max_age: must be a duration with a unit, such as 30s or 5m"}},
		"stale_if_error":         {"      client_id: o", "      stale_if_error: soon\n      client_id: o", strs{"11: issuers[0].introspection.stale_if_error: must be a duration with a unit, such as 30s or 5m"}},
		"allow_missing_expiry":   {"      client_id: o", "      allow_missing_expiry: 0s\n      client_id: o", strs{"11: issuers[0].introspection.allow_missing_expiry: must be more than 0s: leave it out if it does not matter"}},
		"signed_audiences":       {"      client_id: o", "      signed_audiences: [x]\n      client_id: o", strs{"11: issuers[0].introspection.signed_audiences: are those of signed answers, but signed is not set"}},
		"format":                 {"{prefix: at_}", "{prefix: \"a b\"}", strs{"13: issuers[0].introspection.format: prefix has characters that no token has (RFC 6750 2.1)"}},
		"no_opaque_tokens":       {base[strings.Index(base, "    introspection:"):strings.Index(base, "routes:")], "no_opaque_tokens: true\n", strs{"10: no_opaque_tokens: there is no issuer with introspection"}},
		"header name":            {"X-User-Id", `"X User"`, strs{"4: identity_headers.X User: is not the name of a header"}},
		"header source":          {"X-User-Id: sub", "X-User-Id: user", strs{"4: identity_headers.X-User-Id: must be sub, iss, client_id, jti, scope, aud or claim:NAME"}},
		"header, empty claim":    {"X-User-Id: sub", `X-User-Id: "claim:"`, strs{"4: identity_headers.X-User-Id: must be sub, iss, client_id, jti, scope, aud or claim:NAME"}},
		"header of sub":          {"X-User-Id: sub", "X-User-Id: claim:sub", strs{"4: identity_headers.X-User-Id: must be sub, without claim:"}},
		"header, reserved":       {"X-User-Id", "connection", strs{"4: identity_headers.connection: is a header with a meaning of its own"}},
		"header, forwarded":      {"X-User-Id", "X_Forwarded_User", strs{"4: identity_headers.X_Forwarded_User: is a header with a meaning of its own"}},
		"header twice, folded":   {"X-User-Id: sub", "X-User-Id: sub\n  x_user_id: iss", strs{"5: identity_headers.x_user_id: is the same header as another one to many servers"}},
		"sub without iss":        {"routes:", "  - {url: https://two.example.com, audiences: [b], any_client: true}\nroutes:", strs{"3: identity_headers: sub without iss: with several issuers, two users may have the same sub"}},
		"two of a name":          {"  X-User-Id: sub\nissuers:\n", "  X-User-Id: sub\n  X-Iss: iss\nissuers:\n  - {name: orders, url: https://two.example.com, audiences: [b], any_client: true}\n", strs{`8: issuers[1].name: "orders" is the Name or URL of issuers[0] too`}},
		"two that are asked":     {"  X-User-Id: sub\nissuers:\n", "  X-User-Id: client_id\nissuers:\n  - {url: https://two.example.com, audiences: [b], any_client: true, introspection: {client_id: a, secret_file: secret}}\n", strs{"6: issuers[0].introspection.format.prefix: is required: several issuers have introspection, and a token goes to one (or say no_opaque_tokens if there are none)"}},
		"introspection settings": {"introspection:\n      client_id: orders-api\n      secret_file: secret\n      format: {prefix: at_}", "audience_may_be_client: 1", strs{"10: issuers[0].audience_may_be_client: must be true or false"}},
		"pattern":                {"GET /orders/{id}", "GET orders", strs{`15: routes[0].pattern: parsing "GET orders": at offset 4: host/path missing /`}},
		"pattern twice":          {"/public/", "GET /orders/{id}", strs{`17: routes[1].pattern: pattern "GET /orders/{id}" conflicts with pattern "GET /orders/{id}"`}},
		"pattern in conflict":    {"/public/", "/orders/{x}/{$}\n    public: true\n  - pattern: /{a}/x/", strs{`19: routes[2].pattern: pattern "/{a}/x/" conflicts with pattern "/orders/{x}/{$}"`}},
		"our own path":           {"/public/", "/healthz", strs{"17: routes[1].pattern: is the gateway's own path: give it admin_listen, or use another"}},
		"our own path, GET":      {"/public/", "GET api.example.com/readyz", strs{"17: routes[1].pattern: is the gateway's own path: give it admin_listen, or use another"}},
		"no policy":              {"    scopes: [orders.read]\n", "", strs{"15: routes[0]: "}},
		"policy and public":      {"public: true", "public: true\n    scopes: [a]", strs{"18: routes[1].public: says that everybody may pass, but the route says who"}},
		"optional and public":    {"public: true", "public: true\n    optional: true", strs{"18: routes[1].public: says that everybody may pass, but the route says who"}},
		"fresh and public":       {"public: true", "public: true\n    fresh: now", strs{"18: routes[1].public: says that everybody may pass, but the route says who"}},
		"scope":                  {"[orders.read]", "[orders read]", strs{`16: routes[0].scopes: "orders read" is not a scope (RFC 6749 3.3)`}},
		"any_scope":              {"scopes: [orders.read]", "any_scope: [orders read]", strs{`16: routes[0].any_scope: "orders read" is not a scope (RFC 6749 3.3)`}},
		"unknown issuer":         {"scopes: [orders.read]", "any_token: true\n    issuers: [x]", strs{`17: routes[0].issuers: "x" is not configured`}},
		"unknown audience":       {"scopes: [orders.read]", "any_token: true\n    audiences: [x]", strs{`17: routes[0].audiences: "x" is not configured`}},
		"unknown client":         {"scopes: [orders.read]", "client_ids: [x]", strs{`16: routes[0].client_ids: "x" is not configured`}},
		"any token and scopes":   {"scopes: [orders.read]", "scopes: [orders.read]\n    any_token: true", strs{"15: routes[0]: "}},
		"any issuer and one":     {"scopes: [orders.read]", "any_token: true\n    issuers: [orders]\n    any_trusted_issuer: true", strs{"15: routes[0]: any_trusted_issuer says that it does not matter, but issuers or audiences are named"}},
		"whose scope":            {"  X-User-Id: sub\nissuers:\n", "  X-User-Id: client_id\nissuers:\n  - {url: https://two.example.com, audiences: [b], any_client: true}\n", strs{"16: routes[0]: several issuers or audiences are trusted: name issuers, or audiences of one issuer, or say any_trusted_issuer"}},
		"max_token_age":          {"scopes: [orders.read]", "scopes: [orders.read]\n    max_token_age: 0s", strs{"17: routes[0].max_token_age: must be more than 0s: leave it out if it does not matter"}},
		"max_auth_age":           {"scopes: [orders.read]", "scopes: [orders.read]\n    max_auth_age: 0s", strs{"17: routes[0].max_auth_age: must be more than 0s: leave it out if it does not matter"}},
		"acr_values":             {"scopes: [orders.read]", "scopes: [orders.read]\n    acr_values: [a b]", strs{"17: routes[0].acr_values: "}},
		"fresh":                  {"scopes: [orders.read]", "scopes: [orders.read]\n    fresh: soon", strs{"17: routes[0].fresh: must be now, or a duration with a unit, such as 30s"}},
		"origin without dpop":    {"", "public_origin: https://a\n", strs{"19: public_origin: is what dpop is for, and there is no dpop"}},
		"dpop without origin":    {"", "dpop: {enabled: true}\n", strs{"1: public_origin: is required with dpop"}},
		"dpop, not said":         {"", "public_origin: https://a\ndpop: {window: 30s}\n", strs{"20: dpop.enabled: is required"}},
		"dpop, off but wrong":    {"", "public_origin: https://a\ndpop: {enabled: false, algorithms: [HS256]}\n", strs{`20: dpop.algorithms: "HS256" is not an asymmetric JWS algorithm that this library verifies`}},
		"origin with a path":     {"", "public_origin: https://a/b\ndpop: {enabled: true}\n", strs{"19: public_origin: must be scheme and host only"}},
		"origin, http":           {"", "public_origin: http://a\ndpop: {enabled: true}\n", strs{"19: public_origin: must be https"}},
		"origin, http here":      {"", "insecure_allow_http: true\npublic_origin: http://127.0.0.1:1\ndpop: {enabled: true}\n", nil},
		"window":                 {"", "public_origin: https://a\ndpop: {enabled: true, window: 6m}\n", strs{"20: dpop.window: must not be above 5m0s"}},
		"no window":              {"", "public_origin: https://a\ndpop: {enabled: true, window: 0s}\n", strs{"20: dpop.window: must be more than 0s: leave it out if it does not matter"}},
		"max_proofs":             {"", "public_origin: https://a\ndpop: {enabled: true, max_proofs: 0}\n", strs{"20: dpop.max_proofs: must be at least 1: leave it out if it does not matter"}},
		"max_proofs_per_key":     {"", "public_origin: https://a\ndpop: {enabled: true, max_proofs_per_key: -1}\n", strs{"20: dpop.max_proofs_per_key: must be at least 1: leave it out if it does not matter"}},
		"nonces, no file":        {"", "public_origin: https://a\ndpop: {enabled: true, nonces: {secret_file: x}}\n", strs{"20: dpop.nonces.secret_file: no such file or directory"}},
		"nonces, short":          {"", "public_origin: https://a\ndpop: {enabled: true, nonces: {secret_file: secret}}\n", strs{"20: dpop.nonces.secret_file: must have at least 32 bytes"}},
		"nonces, previous":       {"", "public_origin: https://a\ndpop: {enabled: true, nonces: {secret_file: gateway.yaml, previous_secret_file: secret}}\n", strs{"20: dpop.nonces.previous_secret_file: must have at least 32 bytes, or none"}},
		"nonces, the same":       {"", "public_origin: https://a\ndpop: {enabled: true, nonces: {secret_file: gateway.yaml, previous_secret_file: gateway.yaml}}\n", strs{"20: dpop.nonces.previous_secret_file: is that of secret_file"}},
		"nonces, no previous":    {"", "public_origin: https://a\ndpop: {enabled: true, nonces: {secret_file: gateway.yaml, previous_secret_file: x}}\n", strs{"20: dpop.nonces.previous_secret_file: no such file or directory"}},
		"nonces, lifetime":       {"", "public_origin: https://a\ndpop: {enabled: true, nonces: {secret_file: gateway.yaml, lifetime: 0s}}\n", strs{"20: dpop.nonces.lifetime: must be more than 0s: leave it out if it does not matter"}},
		"nonces, long lifetime":  {"", "public_origin: https://a\ndpop: {enabled: true, nonces: {secret_file: gateway.yaml, lifetime: 25h}}\n", strs{"20: dpop.nonces.lifetime: must not be above 24h0m0s"}},
		"no certificate":         {"", "client_certificate: {request: false}\n", strs{"19: client_certificate: says of no certificate: request them, or name trusted_proxies"}},
		"certificate, no tls":    {"", "client_certificate: {request: true}\n", strs{"19: client_certificate.request: needs tls: a client shows its certificate to whoever ends TLS"}},
		"proxies":                {"", "client_certificate:\n  trusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.1\n", strs{"22: client_certificate.trusted_proxies[1]: is no prefix, such as 192.0.2.1/32"}},
		"proxies, everybody":     {"", "client_certificate:\n  trusted_proxies: [0.0.0.0/0]\n", strs{"20: client_certificate.trusted_proxies[0]: is everybody: 0.0.0.0/0"}},
		"tls, no such file":      {"", "tls: {cert_file: x, key_file: secret}\n", strs{"19: tls.cert_file: no such file or directory"}},
		"tls, no key":            {"", "tls: {cert_file: secret}\n", strs{"19: tls.key_file: is required"}},
		"tls, no PEM":            {"", "tls: {cert_file: secret, key_file: secret}\n", strs{"19: tls.cert_file: cert_file and key_file are not a certificate and its key in PEM"}},
		"header, proof":          {"X-User-Id", "dpop", strs{"4: identity_headers.dpop: is a header with a meaning of its own"}},
		"header, certificate":    {"X-User-Id", "Client_Cert", strs{"4: identity_headers.Client_Cert: is a header with a meaning of its own"}},
		"header, rerouting":      {"X-User-Id", "X_Original_URL", strs{"4: identity_headers.X_Original_URL: is a header with a meaning of its own"}},
		"two at once":            {"orders.read]", "a b]\n    any_scope: [c d]", strs{`16: routes[0].scopes: "a b" is not a scope (RFC 6749 3.3)`, `17: routes[0].any_scope: "c d" is not a scope (RFC 6749 3.3)`}},
	} {
		t.Run(name, func(t *testing.T) {
			text := base + tc.new
			if tc.old != "" {
				require.Equal(t, 1, strings.Count(base, tc.old), "the test changes one thing")
				text = strings.Replace(base, tc.old, tc.new, 1)
			}
			path := withSecret(t, text)
			if tc.said == nil {
				_, err := newService(path, nopLog())
				require.NoError(t, err)
				return
			}
			said := refused(t, path)
			if strings.HasSuffix(tc.said[0], ": ") { // the rest is the library's own
				require.Len(t, said, 1)
				assert.True(t, strings.HasPrefix(said[0], tc.said[0]), said[0])
				return
			}
			assert.Equal(t, tc.said, said)
		})
	}
}

type strs = []string

// TestUsage: ways to start it wrongly.
func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args []string
		said string
	}{
		{nil, "usage: gateway -config FILE"},
		{strs{"-config", "x", "y"}, "usage: gateway -config FILE"},
		{strs{"-nonsense"}, "flag provided but not defined: -nonsense"},
		{strs{"-config", "/nowhere/gateway.yaml"}, "/nowhere/gateway.yaml: no such file or directory"},
	} {
		assert.EqualError(t, run(t.Context(), nil, tc.args, io.Discard, io.Discard), tc.said)
	}
	var out strings.Builder
	require.NoError(t, run(t.Context(), nil, strs{"-h"}, &out, io.Discard))
	assert.Equal(t, "usage: gateway -config FILE\n", out.String())
	assert.Equal(t, strs{"1: syntax: the file is empty"}, refused(t, configure(t, "")))
}

// leaves are all fields of the file, and a YAML text of each with a wrong value.
func leaves(path, indent string, typ reflect.Type, leaf func(path, before string, typ reflect.Type), before string) {
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
		at, of := join(path, name), typ.Field(i).Type
		if of.Kind() == reflect.Pointer && of.Elem().Kind() == reflect.Struct {
			leaves(at, indent+"  ", of.Elem(), leaf, before+indent+name+":\n")
		} else if of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct && of != pairsType {
			leaves(at+"[0]", indent+"    ", of.Elem(), leaf, before+indent+name+":\n"+indent+"  -\n")
		} else {
			leaf(at, before+indent+name+": ", of)
		}
	}
}

// TestWrongTypes: no field takes a value of another type.
func TestWrongTypes(t *testing.T) {
	count := 0
	leaves("", "", reflect.TypeFor[file](), func(path, before string, typ reflect.Type) {
		count++
		for _, value := range []string{"{a: {b: c}}", "[[a]]", "1.5", "!!binary aGk=", "2001-01-01", "", "*a"} {
			if typ == pairsType && strings.HasPrefix(value, "{") {
				value = "{a: 1}"
			}
			src := newSource("f")
			_, err := decode(src, []byte(strings.Replace(before, "-\n", "- name: x\n", 1)+value+"\n"))
			require.Error(t, err, path)
			if value != "*a" {
				assert.Contains(t, err.Error(), " "+path, value)
			}
		}
	}, "")
	assert.Greater(t, count, 50)
}

// TestREADME: every field is documented, and nothing else is.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	rows := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 7 && strings.HasPrefix(cells[1], " `") {
			rows[strings.Trim(cells[1], " `")] = true
		}
	}
	leaves("", "", reflect.TypeFor[file](), func(path, _ string, _ reflect.Type) {
		path = strings.ReplaceAll(path, "[0]", "[]")
		assert.True(t, rows[path], "README.md has no row for `%s`", path)
		delete(rows, path)
	}, "")
	assert.Empty(t, rows, "there are no such fields")
}

// TestExample: the files that README shows are good.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("gateway.yaml")
	require.NoError(t, err)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, small, _ := strings.Cut(string(readme), "```yaml\n")
	small, _, closed := strings.Cut(small, "```")
	require.True(t, closed)
	_, err = newService(configure(t, small), nopLog())
	require.NoError(t, err, "the small one in README.md")
	s, err := newService(withSecrets(t, strings.NewReplacer("/run/secrets/orders-api", "secret", "/run/secrets/redis", "secret",
		"/run/secrets/fleet", "fleet").Replace(string(text))), nopLog())
	require.NoError(t, err)
	assert.NotEmpty(t, s.current.Load().table.Audit())
}

// writeCertificate makes a certificate for a key.
func writeCertificate(t *testing.T, dir string, key *ecdsa.PrivateKey) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	writePEM(t, filepath.Join(dir, "cert"), "CERTIFICATE", der, err)
}

func nopLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func writePEM(t testing.TB, path, kind string, der []byte, err error) {
	t.Helper()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// TestAuth: the ways to authenticate at the introspection endpoint, as far as the
// file can be wrong about them.
func TestAuth(t *testing.T) {
	dir := t.TempDir()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	sec1, err := x509.MarshalECPrivateKey(ec)
	writePEM(t, filepath.Join(dir, "ec"), "EC PRIVATE KEY", sec1, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ed)
	writePEM(t, filepath.Join(dir, "ed"), "PRIVATE KEY", pkcs8, err)
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	writePEM(t, filepath.Join(dir, "rsa"), "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(signer), nil)
	writePEM(t, filepath.Join(dir, "public"), "PUBLIC KEY", sec1, nil)
	writeCertificate(t, dir, ec)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte("hunter2"), 0o600))
	for name, tc := range map[string]struct{ auth, said string }{
		"private_key_jwt":      {"auth: private_key_jwt, client_id: a, key_file: DIR/ec, alg: ES256, kid: k", ""},
		"private_key_jwt, ed":  {"auth: private_key_jwt, client_id: a, key_file: DIR/ed, alg: Ed25519", ""},
		"private_key_jwt, RSA": {"auth: private_key_jwt, client_id: a, key_file: DIR/rsa, alg: PS256", ""},
		"another curve":        {"auth: private_key_jwt, client_id: a, key_file: DIR/ec, alg: ES384", "key_file: the key does not fit alg ES384"},
		"another type":         {"auth: private_key_jwt, client_id: a, key_file: DIR/ed, alg: RS256", "key_file: the key does not fit alg RS256"},
		"HMAC":                 {"auth: private_key_jwt, client_id: a, key_file: DIR/ec, alg: HS256", "key_file: the key does not fit alg HS256"},
		"no alg":               {"auth: private_key_jwt, client_id: a, key_file: DIR/ec", "alg: is required with auth private_key_jwt"},
		"no PEM":               {"auth: private_key_jwt, client_id: a, key_file: DIR/text, alg: ES256", "key_file: there is no PEM block in it"},
		"a public key":         {"auth: private_key_jwt, client_id: a, key_file: DIR/public, alg: ES256", "key_file: its first PEM block is no private key"},
		"tls_client_auth":      {"auth: tls_client_auth, client_id: a, cert_file: DIR/cert, key_file: DIR/ec", ""},
		"not its key":          {"auth: tls_client_auth, client_id: a, cert_file: DIR/cert, key_file: DIR/ed", "cert_file: cert_file and key_file are not a certificate and its key in PEM"},
		"no key":               {"auth: tls_client_auth, client_id: a, cert_file: DIR/cert, key_file: DIR/nowhere", "cert_file: key_file: no such file or directory"},
		"a kid":                {"auth: tls_client_auth, client_id: a, cert_file: DIR/cert, key_file: DIR/ec, kid: x", "kid: does not belong to auth tls_client_auth"},
		"bearer":               {"auth: bearer, secret_file: DIR/text", ""},
		"bearer of a client":   {"auth: bearer, client_id: a, secret_file: DIR/text", "client_id: does not belong to auth bearer"},
		"client_secret_post":   {"auth: client_secret_post, client_id: a, secret_file: DIR/text", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := configure(t, fmt.Sprintf("listen: 127.0.0.1:0\nupstream: http://x\nroutes: [{pattern: /, any_token: true}]\nissuers:\n"+
				"  - url: https://example.com\n    audiences: [a]\n    any_client: true\n    introspection: {%s}\n", strings.ReplaceAll(tc.auth, "DIR", dir)))
			if tc.said == "" {
				_, err := newService(path, nopLog())
				require.NoError(t, err)
				return
			}
			assert.Equal(t, strs{"8: issuers[0].introspection." + tc.said}, refused(t, path))
		})
	}
}

// TestExitCode, of a real process: one message and not zero.
func TestExitCode(t *testing.T) {
	path := withSecret(t, base+"listenn: x\n")
	command := process(path)
	output, err := command.CombinedOutput()
	require.Error(t, err)
	assert.Equal(t, 1, command.ProcessState.ExitCode())
	assert.Equal(t, "gateway: "+path+":19: listenn: there is no such field\n", string(output))
}

// TestAllOptions: everything that the file can say about an issuer, at once.
func TestAllOptions(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{OpaquePrefix: "at_"}), newUpstream(t)
	as.AddClient("orders-api", "a secret")
	path := withSecret(t, strings.NewReplacer("ISSUER", as.Issuer(), "UPSTREAM", up.URL, "ENDPOINT", as.IntrospectionURL(), "KEYS", as.JWKSURL()).Replace(`listen: 127.0.0.1:0
upstream: UPSTREAM
insecure_allow_http: true
no_opaque_tokens: true
leeway: 10s
issuers:
  - name: orders
    url: ISSUER
    audiences: [api://orders]
    client_ids: [orders-app]
    algorithms: [ES256]
    profile: generic
    audience_may_be_client: true
    jwks_url: KEYS
    introspection:
      endpoint: ENDPOINT
      auth: client_secret_post
      client_id: orders-api
      secret_file: secret
      always: true
      max_age: 1m
      stale_if_error: 5m
      signed: true
      signed_audiences: [orders-api]
      format: {prefix: at_, min_length: 10, max_length: 100}
      allow_missing_audience: true
      allow_missing_expiry: 1m
      allow_missing_token_type: true
routes:
  - {pattern: /orders, scopes: [orders.read], fresh: 30s}
`))
	f := start(t, path)
	token := mint(as)
	assert.Equal(t, 200, f.get(t, "/orders", token).status)
	assert.Equal(t, 1, as.IntrospectionRequests(), "always")
	assert.Equal(t, 200, f.get(t, "/orders", token).status)
	assert.Equal(t, 1, as.IntrospectionRequests(), "within max_age and fresh")
	assert.Equal(t, 401, f.get(t, "/orders", as.OpaqueToken()).status, "no_opaque_tokens")
	assert.Equal(t, 1, as.IntrospectionRequests())
	as.SetIntrospectionMode(validatortest.ModeDown)
	assert.Equal(t, 503, f.get(t, "/orders", mint(as)).status)
}
