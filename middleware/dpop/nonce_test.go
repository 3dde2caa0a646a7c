package dpop_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// secret is one of many.
func secret(i byte) []byte { return bytes.Repeat([]byte{i}, dpop.MinNonceSecret) }

func nonces(n dpop.Nonces) func(*dpop.Config) {
	return func(c *dpop.Config) { c.Nonces = &n }
}

func with(nonce string) validatortest.Edit { return validatortest.Claim("nonce", nonce) }

// wanted is the nonce that a refusal asks for.
func wanted(t *testing.T, err error) string {
	t.Helper()
	challenge := invalid(t, err, validator.ReasonProofNonce).Challenge
	assert.Equal(t, "use_dpop_nonce", challenge.Code)
	assert.Regexp(t, `^[A-Za-z0-9_-]{32}$`, challenge.Nonce)
	return challenge.Nonce
}

// accepted presents a nonce, and is the API's token as the validator sees it.
func (a *api) accepted(t *testing.T, v *dpop.Verifier, nonce string) *validator.Token {
	t.Helper()
	proof := v.Proof(dpop.Request{Method: "GET", URL: address, Proofs: []string{a.proof(with(nonce))}, Scheme: validator.SchemeDPoP})
	token, err := a.validator.ValidateWith(t.Context(), a.token, validator.Requirements{Proofs: []validator.Proof{proof}})
	require.NoError(t, err)
	return token
}

// TestNonces: a proof needs one of ours (RFC 9449 9). It is good for several proofs, and
// each success brings a fresh one.
func TestNonces(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, nonces(dpop.Nonces{Secret: secret(1)}))
	nonce := wanted(t, a.present(t, v, a.proof()))
	for range 3 {
		assert.NoError(t, a.present(t, v, a.proof(with(nonce))))
	}
	token := a.accepted(t, v, nonce)
	a.clock.Advance(time.Second)
	next := v.Nonce(token)
	assert.NotEqual(t, nonce, next)
	assert.NoError(t, a.present(t, v, a.proof(with(next))))
	// A replay is one, whatever the nonce.
	proof := a.proof(with(next))
	require.NoError(t, a.present(t, v, proof))
	invalid(t, a.present(t, v, proof), validator.ReasonProofReplayed)
	// What is asked for says nothing about what else may be wrong, and comes after it.
	invalid(t, a.present(t, v, a.proof(validatortest.Claim("ath", "x"))), validator.ReasonProofToken)
	invalid(t, a.present(t, v), validator.ReasonProofMissing)
	// A gate asks for them too.
	wanted(t, a.present(t, v.WithoutConsuming(), a.proof()))
	assert.NoError(t, a.present(t, v.WithoutConsuming(), a.proof(with(next))))
}

// TestNonceLifetime: for as long as configured, and not before it was made, but by a
// replica's clock.
func TestNonceLifetime(t *testing.T) {
	for _, lifetime := range []time.Duration{0, time.Second, time.Hour} {
		a := newAPI(t, "ES256")
		v := a.verifier(t, nonces(dpop.Nonces{Secret: secret(1), Lifetime: lifetime}))
		if lifetime == 0 {
			lifetime = dpop.DefaultNonceLifetime
		}
		nonce := wanted(t, a.present(t, v, a.proof()))
		a.clock.Advance(lifetime)
		assert.NoError(t, a.present(t, v, a.proof(with(nonce))))
		a.clock.Advance(time.Second)
		assert.NotEqual(t, nonce, wanted(t, a.present(t, v, a.proof(with(nonce)))))
		a.clock.Advance(-lifetime - time.Second - dpop.DefaultWindow)
		a.token = a.server.AccessToken(a.key.Bind(), validatortest.Claim("iat", a.clock.Now().Unix()-1))
		assert.NoError(t, a.present(t, v, a.proof(with(nonce))))
		a.clock.Advance(-time.Second)
		wanted(t, a.present(t, v, a.proof(with(nonce))))
	}
}

// TestForeignNonces: a nonce is of this API and of one key, and has one spelling.
func TestForeignNonces(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, nonces(dpop.Nonces{Secret: secret(1), Previous: secret(2)}))
	nonce := wanted(t, a.present(t, v, a.proof()))
	b := *a
	b.key = dpoptest.NewKey("ES256")
	b.key.Clock = a.clock.Now
	b.token = a.server.AccessToken(b.key.Bind())
	wanted(t, b.present(t, v, b.proof(with(nonce))))
	foreign := a.verifier(t, nonces(dpop.Nonces{Secret: secret(3)}))
	data, err := base64.RawURLEncoding.DecodeString(nonce)
	require.NoError(t, err)
	for i := range data { // each bit counts
		data[i] ^= 1
		wanted(t, a.present(t, v, a.proof(with(base64.RawURLEncoding.EncodeToString(data)))))
		data[i] ^= 1
	}
	for _, bad := range []string{
		"", wanted(t, a.present(t, foreign, a.proof())), nonce + "=", nonce + "AAAA", nonce[:31], nonce[:28], " " + nonce, nonce[:16] + "\n" + nonce[16:],
		nonce[:31] + "\n", strings.Repeat("\n", 32), "AAAA", strings.Repeat("A", 32), strings.Repeat("_", 32), "é",
	} {
		wanted(t, a.present(t, v, a.proof(with(bad))))
	}
	assert.NoError(t, a.present(t, v, a.proof(with(nonce))))
}

// TestNonceReplicas: replicas with one secret accept each other's nonces, and while the
// secret changes, those of the one before.
func TestNonceReplicas(t *testing.T) {
	a := newAPI(t, "ES256")
	replica := func(current, previous []byte) *dpop.Verifier {
		return a.verifier(t, nonces(dpop.Nonces{Secret: current, Previous: previous}))
	}
	first, second := replica(secret(1), nil), replica(secret(1), nil)
	assert.NoError(t, a.present(t, first, a.proof(with(wanted(t, a.present(t, second, a.proof()))))))
	assert.NoError(t, a.present(t, second, a.proof(with(wanted(t, a.present(t, first, a.proof()))))))
	old := wanted(t, a.present(t, first, a.proof()))
	rotated := replica(secret(2), secret(1))
	assert.NoError(t, a.present(t, rotated, a.proof(with(old))))
	fresh := wanted(t, a.present(t, rotated, a.proof()))
	wanted(t, a.present(t, first, a.proof(with(fresh)))) // not yet told
	wanted(t, a.present(t, replica(secret(3), secret(2)), a.proof(with(old))))
	assert.NoError(t, a.present(t, replica(secret(3), secret(2)), a.proof(with(fresh))))
}

// TestNoNonce: where none is demanded, or for a token without a key.
func TestNoNonce(t *testing.T) {
	a := newAPI(t, "ES256")
	without := a.verifier(t)
	token := a.accepted(t, without, "of another server")
	assert.Empty(t, without.Nonce(token))
	v := a.verifier(t, nonces(dpop.Nonces{Secret: secret(1)}))
	assert.NotEmpty(t, v.Nonce(token))
	assert.Empty(t, v.Nonce(nil))
	plain, err := a.validator.Validate(t.Context(), a.server.AccessToken())
	require.NoError(t, err)
	assert.Empty(t, v.Nonce(plain))
}

// TestSecretsAreNotPrinted: neither by the configuration nor by what is made of it.
func TestSecretsAreNotPrinted(t *testing.T) {
	a := newAPI(t, "ES256")
	own := dpop.Nonces{Secret: []byte("correct horse battery staple, 32 bytes"), Previous: []byte("another horse, another battery, 32 bytes")}
	config := dpop.Config{Origins: []string{origin}, Nonces: &own}
	v := a.verifier(t, nonces(own))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "nonces", own, "config", config, "verifier", v)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&log, verb+verb+verb+verb, own, &own, config, v)
	}
	for _, text := range []string{"horse", fmt.Sprintf("%x", "horse"), strings.Trim(fmt.Sprint([]byte("horse")), "[]"), base64.StdEncoding.EncodeToString([]byte("correct"))[:9]} {
		assert.NotContains(t, log.String(), text)
	}
	assert.Contains(t, log.String(), "[DPoP nonces]")
	assert.Equal(t, "[DPoP nonces]", fmt.Sprintf("%+v", own))
	// Nor are they the caller's to change.
	nonce := wanted(t, a.present(t, v, a.proof()))
	own.Secret[0]++
	assert.NoError(t, a.present(t, v, a.proof(with(nonce))))
}

// TestNonceIsTheSameInEveryVersion: replicas of two versions accept each other's, so how a
// nonce is made does not change: 8 bytes of Unix time, and 16 of a MAC with a label of ours.
func TestNonceIsTheSameInEveryVersion(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, nonces(dpop.Nonces{Secret: secret(1)}))
	made := binary.BigEndian.AppendUint64(nil, uint64(a.clock.Now().Unix()))
	mac := hmac.New(sha256.New, secret(1))
	fmt.Fprintf(mac, "bearerguard DPoP nonce 1\x00%s%s", made, a.key.Thumbprint())
	nonce := base64.RawURLEncoding.EncodeToString(append(made, mac.Sum(nil)[:16]...))
	assert.NoError(t, a.present(t, v, a.proof(with(nonce))))
}
