package validator

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// opaque decides on a token that is no JWS: its one issuer is asked, or was.
func (v *Validator) opaque(ctx context.Context, raw string, require *Requirements) (Decision, *facts) {
	is, e := v.route(raw)
	if e != nil {
		return Decision{Err: e}, nil
	}
	q := question{issuer: is, raw: raw, id: tokenDigest(is, raw)}
	q.digest = q.id
	now, fresh := v.clock(), require.freshness(is)
	known, ok := v.kept(q, now)
	switch {
	case !ok && signedSomehow(raw):
		return Decision{Err: refuse(ReasonMalformedToken, "a JWS header, but not three parts")}, nil
	case !ok || known.unmet(fresh, now):
		return v.decideByAnswer(ctx, q, fresh, known, now)
	}
	return Decision{Issuer: is.name, Token: known.token, Cached: true, Err: v.current(known, now, true)}, known
}

// route finds the one issuer that is asked about an opaque token. One that is no
// issuer's by its looks is refused without network.
func (v *Validator) route(raw string) (*issuer, *Error) {
	if len(v.trusted.opaque) == 0 {
		return nil, notJWT(raw)
	}
	if !jose.InAlphabet(raw) {
		return nil, notJWT(raw)
	}
	is := v.opaqueOf(raw)
	if is == nil || !is.introspection.Fits(raw) {
		return nil, refuse(ReasonOpaqueFormat, "no issuer that is asked about tokens has such ones")
	}
	return is, nil
}

func (v *Validator) opaqueOf(raw string) *issuer {
	if v.opaqueIssuer != nil {
		label := v.opaqueIssuer(raw)
		for _, is := range v.trusted.opaque {
			if label == is.name || label == is.url {
				return is
			}
		}
		return nil
	}
	for _, is := range v.trusted.opaque {
		if strings.HasPrefix(raw, is.prefix) { // none is the beginning of another (Config.check)
			return is
		}
	}
	return nil
}

// signedSomehow reports whether a text that is no JWS begins like one. Servers that
// split loosely take a JWS with a dot behind it for the JWS: what was refused of
// that here must not be decided anew there.
func signedSomehow(raw string) bool {
	first, _, dotted := strings.Cut(raw, ".")
	if !dotted {
		return false
	}
	_, err := jose.ParseHeader(first)
	return !errors.Is(err, jose.ErrNotJWS)
}

// tokenDigest identifies a whole token at one issuer. Tokens of two issuers that
// look the same are not the same, and no URL contains the byte between.
func tokenDigest(is *issuer, raw string) [sha256.Size]byte {
	var space [512]byte
	text := append(space[:0], is.url...)
	text = append(text, 0)
	return sha256.Sum256(append(text, raw...))
}
