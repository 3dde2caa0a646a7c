package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/internal/transports"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestCorpus: the tokens and headers of the corpus through the gateway. What it refuses
// never reaches the upstream, and what it accepts does.
func TestCorpus(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{Algorithm: "ES256"}), newUpstream(t)
	f := start(t, configure(t, `listen: 127.0.0.1:0
upstream: UPSTREAM
insecure_allow_http: true
issuers:
  - name: orders
    url: ISSUER
    audiences: [api://orders]
    client_ids: [`+transports.ClientID+`]
    algorithms: [RS256, ES256]
    profile: rfc9068
routes:
  - pattern: GET /orders
    any_token: true
`, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	transports.Attack(t, as, func(t *testing.T, authorization []string) transports.Answer {
		r := f.request(t, http.MethodGet, "/orders", "", nil)
		r.Header["Authorization"] = authorization
		got := f.do(t, r)
		assert.Equal(t, got.status == http.StatusOK, got.seen != nil)
		return transports.Answer{Status: got.status, Challenge: got.header.Get("WWW-Authenticate"), Retry: got.header.Get("Retry-After") != ""}
	})
}
