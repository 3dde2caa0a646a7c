package jwks_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/jwks"
)

// publishedToken is a token with the key set that goes with it; see
// internal/jose/testdata/README.md.
type publishedToken struct {
	ID     string
	Layer  string // "jws"; others say something about claims, which the validator reads
	JWKS   json.RawMessage
	Token  string
	Algs   []string
	Expect string // valid, invalid, open, parse-ok
	Reason string `json:"strict_reason"`
	Status string `json:"upstream_status"` // where there is no reason
}

// What becomes of a token, beside what becomes of a key set without a usable key.
const (
	accepted     = "accepted"
	notCompact   = "no compact JWS"
	badHeader    = "no JOSE header to go by"
	unnamed      = "algorithm without a name here"
	badSegment   = "segment not canonical base64url"
	unknownKey   = "no such key"
	badSignature = "bad signature"
	notAllowed   = "algorithm not in the allow-list"
)

// judge does what the validator does with a token up to its signature, and says
// what stopped it. The rules that need no key come last where they can, so that
// the keys have their say about every token.
func (l *library) judge(t *testing.T, c publishedToken) string {
	t.Helper()
	compact, ok := jose.Cut(c.Token)
	if !ok || !jose.InAlphabet(c.Token) {
		return notCompact
	}
	header, err := jose.ParseHeader(compact.Header)
	if err != nil {
		return badHeader
	}
	if _, ok := jose.ParseAlgorithm(header.Alg); !ok {
		return unnamed
	}
	signature, err := jose.AppendSegment(nil, compact.Signature)
	if err != nil {
		return badSegment
	}
	key, err := l.open(t, string(c.JWKS)).key(header.KeyID, header.Alg)
	switch {
	case errors.Is(err, jwks.ErrUnknownKey):
		return unknownKey
	case err != nil:
		answered(t, err)
		return l.verdict(t, string(c.JWKS))
	}
	assert.True(t, key.TrustedFor(header.KeyID, header.Alg), c.ID)
	if err := key.Verify(header.Alg, compact.Signed, signature); err != nil {
		assert.ErrorIs(t, err, jose.ErrSignature, c.ID) // the Source gives no key that is not for it
		return badSignature
	}
	if _, err := jose.AppendSegment(nil, compact.Payload); err != nil {
		return badSegment
	}
	if !slices.Contains(c.Algs, header.Alg) {
		return notAllowed
	}
	return accepted
}

// stops are the verdicts that say the same as the file's reason. A MAC is
// refused by its name before anything else that is wrong with it.
var stops = map[string][]string{
	"segments":                               {notCompact},
	"header: invalid JSON":                   {notCompact},
	"header: not base64url":                  {notCompact, badHeader},
	"payload: not base64url":                 {notCompact, badSegment},
	"signature: not base64url":               {notCompact},
	"signature: non-canonical trailing bits": {badSegment},
	"empty signature":                        {badSegment},
	"signature length":                       {badSignature},
	"signature":                              {badSignature},
	"r or s is zero":                         {badSignature},
	"alg none":                               {unnamed, badHeader}, // badHeader: crit
	"alg not allowed":                        {unnamed, unknownKey, notAllowed},
	"no key for kid":                         {unknownKey},
	"key alg":                                {unknownKey, usable(0, wrongAlg)}, // another one than the token's
	"alg not possible for key type/curve":    {usable(0, unreadable)},
	"point not on curve":                     {usable(0, unreadable)},
	"key use is not sig":                     {usable(0, useIsNotSig)},
	"key_ops lacks verify":                   {usable(0, opsNotVerify)},
	"RSA modulus < 2048":                     {usable(0, wrongSize)},
	"bad RSA exponent":                       {usable(0, unreadable)},

	"JwtHeaderParseErrorBadBase64":    {badHeader},
	"JwtHeaderParseErrorBadJson":      {badHeader},
	"JwtHeaderBadAlg":                 {badHeader},
	"JwtHeaderBadKid":                 {badHeader},
	"JwtHeaderNotImplementedAlg":      {unnamed},
	"JwtSignatureParseErrorBadBase64": {badSegment},
	"JwtPayloadParseError":            {notASet}, // the file has no keys for them: the claims are the validator's
	"Ok":                              {notASet},
	"":                                {notASet},
}

func (c publishedToken) stops() []string {
	reason := c.Reason
	if reason == "" {
		reason = c.Status
	}
	for _, family := range []string{"key alg", "JwtPayloadParseError"} {
		if strings.HasPrefix(reason, family) {
			reason = family
		}
	}
	verdicts := stops[reason]
	if compact, ok := jose.Cut(c.Token); ok {
		if h, err := jose.ParseHeader(compact.Header); err == nil && strings.HasPrefix(h.Alg, "HS") {
			return append([]string{unnamed}, verdicts...)
		}
	}
	return verdicts
}

// tally counts the cases of a file by how they end.
type tally struct{ accepted, refused, refusedByUs, open, claims int }

func TestPublishedTokens(t *testing.T) {
	l := newLibrary(t)
	listed := 0
	for name, want := range map[string]tally{
		"wycheproof_jws.json":      {26, 355, 16, 4, 0},
		"wycheproof_jwk.json":      {1, 20, 4, 1, 0},
		"wycheproof_jwcrypto.json": {2, 44, 2, 1, 0},
		"rfc_jose.json":            {8, 27, 2, 0, 0},
		"peer_tokens.json":         {23, 27, 7, 5, 30},
	} {
		var file struct{ Cases []publishedToken }
		readVectors(t, "../internal/jose/testdata/"+name, &file)
		var got tally
		for _, c := range file.Cases {
			verdict := l.judge(t, c)
			refusal, differs := refusedByUs[c.ID]
			ours, undecided := undecided[c.ID]
			switch {
			case differs: // and never the other way: what the file refuses, we refuse
				assert.Equal(t, "valid", c.Expect, c.ID)
				assert.Equal(t, refusal.verdict, verdict, "%s (%s)", c.ID, refusal.why)
				got.refusedByUs++
			case undecided:
				assert.Equal(t, "open", c.Expect, c.ID)
				assert.Equal(t, ours.verdict, verdict, "%s (%s)", c.ID, ours.why)
				got.open++
			case c.Layer != "jws":
				assert.Contains(t, []string{"invalid", "parse-ok"}, c.Expect)
				assert.Contains(t, c.stops(), verdict, "%s: %s", c.ID, c.Status)
				got.claims++
			case c.Expect == "valid":
				assert.Equal(t, accepted, verdict, c.ID)
				got.accepted++
			default:
				assert.Equal(t, "invalid", c.Expect, c.ID)
				assert.Contains(t, c.stops(), verdict, "%s: %s", c.ID, c.Reason)
				got.refused++
			}
		}
		assert.Equal(t, want, got, name)
		listed += got.refusedByUs + got.open
	}
	assert.Equal(t, len(refusedByUs)+len(undecided), listed)
}

// Whoever could read a symmetric key could sign with it: none is ever listed, and
// no MAC has a name by which a key could be asked for.
func TestPublishedSymmetricKeys(t *testing.T) {
	l := newLibrary(t)
	for name, want := range map[string]int{
		"wycheproof_jws.json": 40, "wycheproof_jwk.json": 15, "wycheproof_jwcrypto.json": 20, "rfc_jose.json": 19, "peer_tokens.json": 4,
	} {
		var file struct{ Cases []publishedToken }
		readVectors(t, "../internal/jose/testdata/"+name, &file)
		seen := 0
		for _, c := range file.Cases {
			var set struct{ Keys []struct{ Kty, Kid string } }
			require.NoError(t, json.Unmarshal(c.JWKS, &set))
			secrets := 0
			s := l.open(t, l.withGoodKey(string(c.JWKS)))
			for _, key := range set.Keys {
				if key.Kty != "oct" {
					continue
				}
				secrets++
				s.known(t, "good", "EdDSA")
				for _, mac := range []string{"HS256", "HS384", "HS512", "none"} {
					_, err := s.key(key.Kid, mac)
					assert.ErrorIs(t, err, jwks.ErrUnknownKey, c.ID)
				}
				assert.Equal(t, 1, s.fetches.count(), "%s: asked the server for a MAC's key", c.ID)
			}
			if secrets == 0 {
				continue
			}
			seen++
			skipped := reasons(s.fetches.last(t).Skipped)
			assert.Equal(t, slices.Repeat([]string{symmetric}, secrets), skipped, c.ID)
		}
		assert.Equal(t, want, seen, name)
	}
}
