package validatortest

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testClient = "service-1"

// TestCorpus checks the corpus of each style, with a current key of another
// algorithm each.
func TestCorpus(t *testing.T) {
	seen := map[string]bool{} // reasons, over all styles
	for name, o := range map[string]Options{
		"RFC9068":       {Style: StyleRFC9068, Algorithm: "RS256", Path: "/oauth2/default"},
		"Okta":          {Style: StyleOkta, Algorithm: "ES256", Path: "/oauth2/default"},
		"Generic":       {Style: StyleGeneric, Algorithm: "EdDSA", Path: "/oauth2/default"},
		"Auth0":         {Style: StyleAuth0, Algorithm: "RS256"},
		"Auth0 RFC9068": {Style: StyleAuth0RFC9068, Algorithm: "ES256"},
		"Entra v1":      {Style: StyleEntraV1, Algorithm: "RS256"},
		"Entra v2":      {Style: StyleEntraV2, Algorithm: "ES256", Path: "/" + guid("x") + "/v2.0"},
		"Entra v2, all": {Style: StyleEntraV2, Algorithm: "RS256", Path: "/{tenantid}/v2.0"},
		"Keycloak":      {Style: StyleKeycloak, Algorithm: "PS256"},
		"Cognito":       {Style: StyleCognito, Algorithm: "ES256"},
		"Hydra":         {Style: StyleHydra, Algorithm: "RS256"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Start(o)
			require.NoError(t, err)
			defer s.Close()
			cases := s.Corpus(testClient)
			for _, c := range cases {
				seen[c.Reason] = true
			}
			for name, test := range map[string]func(*testing.T, *Server, []Case){
				"well-formed": corpusIsWellFormed, "accepted": acceptedCasesVerify, "hostile": hostileCasesAreSigned,
				"bad signatures": badSignaturesAreBad, "forgeries": forgeriesAreSignedByTheOutsider,
				"HMACs": confusedHMACs, "sizes": sizes,
			} {
				t.Run(name, func(t *testing.T) { test(t, s, cases) })
			}
		})
	}
	for _, reason := range reasons {
		assert.True(t, seen[reason], "no case for %s", reason)
	}
}

var reasons = []string{
	"token_too_large", "token_alphabet", "no_token", "not_a_jwt", "malformed_token", "malformed_header",
	"critical_header", "malformed_claims", "unknown_issuer", "not_an_access_token", "claim_missing",
	"algorithm_not_allowed", "expiry_missing", "expired", "not_yet_valid", "issued_in_future", "audience_missing",
	"audience_mismatch", "client_missing", "client_mismatch", "client_conflict", "scope_conflict", "malformed_scope",
	"confirmation_malformed", "confirmation_unknown", "confirmation_missing", "proof_missing", "unknown_key", "bad_signature",
	"tenant_mismatch", "tenant_not_allowed",
}

func corpusIsWellFormed(t *testing.T, _ *Server, cases []Case) {
	accepted, names, tokens := map[string]bool{}, map[string]bool{}, map[string]string{}
	hostile := 0
	for _, c := range cases {
		assert.False(t, names[c.Name], "%s is there twice", c.Name)
		names[c.Name] = true
		assert.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, c.Name)
		assert.Empty(t, tokens[c.Token], "%s is the same token", c.Name)
		tokens[c.Token] = c.Name
		accepted[c.Name] = c.Accept
	}
	for _, c := range cases {
		if c.Accept {
			assert.Empty(t, c.Kills+c.Neighbour+c.Reason, c.Name)
			continue
		}
		hostile++
		assert.NotEmpty(t, c.Kills, c.Name)
		assert.True(t, accepted[c.Neighbour], "%s has no accepted neighbour %q", c.Name, c.Neighbour)
		assert.Contains(t, reasons, c.Reason, c.Name)
	}
	assert.GreaterOrEqual(t, hostile, 120)
	t.Logf("%d cases, %d of them hostile", len(cases), hostile)
}

func TestCorpusKeepsTheCurrentKey(t *testing.T) {
	s, err := Start(Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	kid := s.KID()
	s.Corpus(testClient)
	set := string(s.KeySet())
	s.Corpus(testClient)
	assert.Equal(t, kid, s.KID())
	assert.Equal(t, set, string(s.KeySet()), "a second call lists no more keys")
	assert.ElementsMatch(t, []string{"ES256", "RS256"}, s.Algorithms())
}

// signedBy returns the kid of a key whose signature the token carries, by the
// algorithm in its header or else the key's own.
func signedBy(s *Server, token string) string {
	parts := strings.Split(token, ".")
	if len(parts) < 3 {
		return ""
	}
	sig, err := b64.DecodeString(parts[2])
	if err != nil {
		return ""
	}
	for _, k := range append([]key{{kid: "outsider", alg: "ES256", signer: s.outsider}}, s.ring.keys...) {
		algs := []string{k.signs()}
		if strings.HasPrefix(k.alg, "RS") {
			algs = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
		}
		for _, alg := range algs {
			if jwt.GetSigningMethod(alg).Verify(parts[0]+"."+parts[1], sig, k.signer.Public()) == nil {
				return k.kid
			}
		}
	}
	return ""
}

func headerOf(t *testing.T, token string) (h struct{ Alg, Kid string }) {
	text, err := b64.DecodeString(strings.Split(token, ".")[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &h))
	return h
}

// Accepted tokens carry the signature they claim, by the algorithm they name.
func acceptedCasesVerify(t *testing.T, s *Server, cases []Case) {
	for _, c := range cases {
		if !c.Accept {
			continue
		}
		audience := jwt.WithAudience(s.opts.Audience)
		if s.opts.Style == StyleCognito {
			audience = func(*jwt.Parser) {} // has none
		}
		_, err := jwt.Parse(c.Token, func(tok *jwt.Token) (any, error) {
			kid, _ := tok.Header["kid"].(string)
			if kid == "" {
				kid = s.ring.listed(tok.Method.Alg())[0]
			}
			k := s.key(kid)
			if !k.listed || k.alg != tok.Method.Alg() {
				return nil, errors.New("key does not fit")
			}
			return k.signer.Public(), nil
		},
			jwt.WithStrictDecoding(), jwt.WithLeeway(30*time.Second), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
			jwt.WithIssuer(s.tokenIssuer()), audience)
		assert.NoError(t, err, c.Name)
	}
}

// What is refused for anything but its signature carries a good one of a
// trusted key, so that no case passes for the wrong reason.
func hostileCasesAreSigned(t *testing.T, s *Server, cases []Case) {
	unsigned := regexp.MustCompile(`^(empty|opaque|dots|two-segments|first-segment-empty|five-segments|four-segments.*|jwe|` +
		`alphabet-.*|signature-.*|alg-none-unsigned|kid-and-key-unlisted|(jwk|jku|x5c)-under-.*|tampered-.*|hs(256|384|512)-.*)$`)
	for _, c := range cases {
		if c.Accept || unsigned.MatchString(c.Name) {
			continue
		}
		kid := signedBy(s, c.Token)
		if assert.NotEmpty(t, kid, "%s is not signed", c.Name) {
			assert.True(t, s.key(kid).listed, c.Name)
		}
	}
}

// A bad signature is none of the key that the token names, by its algorithm.
func badSignaturesAreBad(t *testing.T, s *Server, cases []Case) {
	for _, c := range cases {
		if c.Reason != "bad_signature" {
			continue
		}
		parts := strings.Split(c.Token, ".")
		sig, err := b64.Strict().DecodeString(parts[2])
		require.NoError(t, err, c.Name)
		h := headerOf(t, c.Token)
		k := s.key(h.Kid)
		assert.Equal(t, k.alg, h.Alg, c.Name)
		assert.True(t, k.listed, c.Name)
		assert.Error(t, jwt.GetSigningMethod(h.Alg).Verify(parts[0]+"."+parts[1], sig, k.signer.Public()), c.Name)
	}
}

// A forgery is good for who takes the key it brings.
func forgeriesAreSignedByTheOutsider(t *testing.T, s *Server, cases []Case) {
	forged := 0
	for _, c := range cases {
		if regexp.MustCompile(`^(jwk|jku|x5c)-under-|^kid-and-key-unlisted$`).MatchString(c.Name) {
			forged++
			assert.Equal(t, "outsider", signedBy(s, c.Token), c.Name)
		}
	}
	assert.Equal(t, 7, forged)
	answer, err := s.Client().Get(s.outsideURL())
	require.NoError(t, err)
	defer answer.Body.Close()
	var set struct{ Keys []jwk }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&set))
	require.Len(t, set.Keys, 2)
	assert.Equal(t, publicJWK(s.outsider.Public()).X, set.Keys[0].X)
}

// The confused HMACs are good for who takes the public key for a secret.
func confusedHMACs(t *testing.T, s *Server, cases []Case) {
	c := corpus{s: s, rsa: s.listedKey("RS256")}
	for _, f := range c.publicForms() {
		i := slices.IndexFunc(cases, func(c Case) bool { return c.Name == "hs256-"+f.name })
		require.GreaterOrEqual(t, i, 0, f.name)
		h, p, sig := segments(cases[i].Token)
		assert.Equal(t, "HS256", headerOf(t, cases[i].Token).Alg)
		assert.Equal(t, b64.EncodeToString(hmacOf(crypto.SHA256, f.value, h+"."+p)), sig)
	}
}

func sizes(t *testing.T, _ *Server, cases []Case) {
	for _, c := range cases {
		switch {
		case c.Name == "size-at-limit":
			assert.Len(t, c.Token, maxTokenBytes)
		case c.Name == "size-over-limit":
			assert.Len(t, c.Token, maxTokenBytes+1)
		case c.Reason != "token_too_large":
			assert.LessOrEqual(t, len(c.Token), maxTokenBytes, c.Name)
		}
	}
}

func TestRun(t *testing.T) {
	cases := []Case{
		{Name: "good", Token: "aaa.bbb.ccc", Accept: true},
		{Name: "bad", Kills: "exp", Neighbour: "good", Token: "ddd.eee.fff", Reason: "expired"},
		{Name: "leak", Kills: "aud", Neighbour: "good", Token: "ggg.hhh.iii", Reason: "audience_mismatch"},
	}
	report := Run(t.Context(), cases, func(_ context.Context, raw string) error {
		if raw == "ddd.eee.fff" {
			return nil
		}
		return fmt.Errorf("no good:\n %s, claims %s", raw, strings.Split(raw, ".")[1])
	})
	require.Len(t, report.Results, 3)
	failed := report.Failed()
	require.Len(t, failed, 2)
	assert.Equal(t, "good", failed[0].Name)
	assert.Equal(t, "bad", failed[1].Name)
	table := report.Table()
	assert.Contains(t, table, "3 cases, 2 failed")
	assert.Contains(t, table, "refused: no good: [token], claims [token]")
	for _, c := range cases {
		for segment := range strings.SplitSeq(c.Token, ".") {
			assert.NotContains(t, table, segment)
		}
	}
	assert.Equal(t, 5, strings.Count(table, "\n"))
}

func TestRunAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report := Run(ctx, []Case{{Name: "bad"}}, func(context.Context, string) error { panic("called") })
	require.Len(t, report.Failed(), 1)
	assert.ErrorIs(t, report.Results[0].Err, context.Canceled)
}
