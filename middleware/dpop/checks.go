package dpop

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/bearerguard/bearerguard/internal/httpuri"
	"github.com/bearerguard/bearerguard/validator"
)

// presented is what came with a token.
type presented struct {
	verifier *Verifier
	scheme   validator.Scheme
	proofs   []string
	method   string
	target   func() (httpuri.URI, error)
}

// Confirm implements validator.Proof: the token is good.
func (p *presented) Confirm(ctx context.Context, rawToken string, t *validator.Token) (validator.Confirmation, error) {
	bound := t.Confirmation().JKT
	asDPoP := p.scheme == validator.SchemeDPoP
	switch {
	case bound != "" && !asDPoP: // RFC 9449 7.2: it would be worth as much without its key
		return validator.Confirmation{}, refuse(validator.ReasonProofScheme, "bound to a DPoP key, but not presented as DPoP")
	case bound == "" && asDPoP: // 7.1: the proof would seem to say something about it
		return validator.Confirmation{}, refuse(validator.ReasonProofScheme, "presented as DPoP, but not bound to a DPoP key")
	case bound == "":
		return validator.Confirmation{}, nil
	}
	if e := p.check(ctx, rawToken, bound); e != nil {
		return validator.Confirmation{}, e
	}
	return validator.Confirmation{JKT: bound}, nil
}

// check is RFC 9449 4.3: the cheapest check first, the signature after what needs none,
// and last what uses the proof up.
func (p *presented) check(ctx context.Context, rawToken, bound string) *validator.Error {
	v := p.verifier
	now := v.clock()
	proof, e := v.parse(p.proofs)
	if e != nil {
		return e
	}
	// 4.3, 12: the key of the proof is the one that the token is bound to. The validator
	// compares again; here it is before anything is verified or used up. In constant
	// time: the thumbprint in the token is not the sender's to probe.
	if subtle.ConstantTimeCompare([]byte(proof.thumbprint), []byte(bound)) != 1 {
		return refuse(validator.ReasonProofMismatch, "the token is bound to another key")
	}
	if e := proof.readClaims(); e != nil {
		return e
	}
	for _, check := range []func() *validator.Error{
		func() *validator.Error { return proof.checkMethod(p.method) },
		func() *validator.Error { return proof.checkURI(p.target) },
		func() *validator.Error { return proof.checkTime(now, v.window) },
		func() *validator.Error { return proof.checkToken(rawToken) },
		proof.checkID,
		func() *validator.Error { return v.checkNonce(proof, now) },
		proof.checkSignature,
	} {
		if e := check(); e != nil {
			return e
		}
	}
	v.headers.keep(proof.header)
	if v.peeks {
		return nil
	}
	return v.consume(ctx, proof)
}

// checkMethod is 4.3, 8. Methods differ by case (RFC 9110 9.1).
func (p *proof) checkMethod(method string) *validator.Error {
	if p.method == "" || p.method != method {
		return refuse(validator.ReasonProofMethod, "htm: expected %.100q, found %.100q", method, p.method)
	}
	return nil
}

// checkURI is 4.3, 9.
func (p *proof) checkURI(asked func() (httpuri.URI, error)) *validator.Error {
	want, err := asked()
	if err != nil {
		return refuse(validator.ReasonProofURI, "the request: %v", err)
	}
	found, err := httpuri.Parse(p.uri)
	if err != nil {
		return refuse(validator.ReasonProofURI, "htu: %v", err)
	}
	if found != want {
		return refuse(validator.ReasonProofURI, "htu: expected %.200q, found %.200q", want.String(), found.String())
	}
	return nil
}

// checkTime is 4.3, 11 (and 11.1): made recently, by a clock that may be slow or fast by
// as much. A client that sets exp or nbf means them (RFC 7519 4.1.4 and 4.1.5).
func (p *proof) checkTime(now time.Time, window time.Duration) *validator.Error {
	age := now.Sub(p.issuedAt.time()) // without iat, as long ago as can be
	switch {
	case age > window:
		return refuse(validator.ReasonProofTime, "iat is more than %v ago, or not there", window)
	case age < -window:
		return refuse(validator.ReasonProofTime, "iat is more than %v ahead", window)
	case p.expiry != absent && instantOf(now) >= p.expiry:
		return refuse(validator.ReasonProofTime, "exp has passed")
	case p.notBefore != absent && instantOf(now) < p.notBefore:
		return refuse(validator.ReasonProofTime, "nbf is still to come")
	}
	return nil
}

// checkToken is 4.3, 12: the proof was made for this very token.
func (p *proof) checkToken(rawToken string) *validator.Error {
	digest := sha256.Sum256([]byte(rawToken))
	if subtle.ConstantTimeCompare([]byte(p.tokenHash), []byte(base64.RawURLEncoding.EncodeToString(digest[:]))) != 1 {
		return refuse(validator.ReasonProofToken, "ath is not the hash of the token, or not there")
	}
	return nil
}

// checkID: jti is what tells one proof from another (4.2).
func (p *proof) checkID() *validator.Error {
	if p.id == "" || len(p.id) > maxID {
		return refuse(validator.ReasonProofID, "jti: expected 1 to %d bytes, found %d", maxID, len(p.id))
	}
	return nil
}

// checkNonce is 4.3, 10. The nonce that the client is given for its next proof is for
// the key that the token is bound to, and of no use with any other.
func (v *Verifier) checkNonce(p *proof, now time.Time) *validator.Error {
	if v.nonces == nil || v.nonces.good(p.nonce, p.thumbprint, now) {
		return nil
	}
	e := refuse(validator.ReasonProofNonce, "the nonce is missing, too old, or not of this API and key")
	e.Challenge.Nonce = v.nonces.mint(p.thumbprint, now)
	return e
}

// checkSignature is 4.3, 6.
func (p *proof) checkSignature() *validator.Error {
	if err := p.verify(); err != nil {
		return refuse(validator.ReasonProofSignature, "signature: %v", err)
	}
	return nil
}
