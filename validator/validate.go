package validator

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/jwks"
)

// Validate decides on one raw token: what followed the scheme in the
// Authorization header, or the token of a gRPC call. It is ValidateWith of the
// zero Requirements.
func (v *Validator) Validate(ctx context.Context, rawToken string) (*Token, error) {
	return v.ValidateWith(ctx, rawToken, Requirements{})
}

// ValidateWith decides on one raw token and on what the call requires beyond
// it. It returns either a Token or an error, never both; errors are of type
// *Error. Waiting for keys, or for the issuer's answer, ends with ctx.
func (v *Validator) ValidateWith(ctx context.Context, rawToken string, require Requirements) (*Token, error) {
	d := v.decide(ctx, rawToken, &require)
	v.witness.decision(ctx, d)
	if d.Err != nil {
		return nil, d.Err
	}
	return d.Token, nil
}

// decide is all that leads to a verdict: what Explain explains.
func (v *Validator) decide(ctx context.Context, raw string, require *Requirements) Decision {
	d, known := v.establish(ctx, raw, require)
	if d.Err == nil && known.status != nil {
		var waited bool
		if waited, d.Err = v.checkStatus(ctx, known); d.Err != nil {
			d.Err.finding = atStatusList
		} else if waited {
			// Meanwhile it may have expired, or been revoked: a hit would say so.
			d, known = v.establish(ctx, raw, require)
		}
	}
	if d.Err == nil {
		d.Err = admit(ctx, raw, known, require)
	}
	return d
}

// Refused tells the Observer and the Logger of a refusal that a transport made
// before there was a token to validate, such as an error of ParseAuthorization,
// so that they hear of every request. It returns err.
func (v *Validator) Refused(ctx context.Context, err error) error {
	var e *Error
	if !errors.As(err, &e) || e == nil {
		e = NewError("", fmt.Sprint(err)) // no refusal of ours: undecided
	}
	v.witness.decision(ctx, Decision{Err: e})
	return err
}

// establish finds out whether the token is good: from what is kept about it, or
// by examining it. The facts are nil unless it was found genuine.
func (v *Validator) establish(ctx context.Context, raw string, require *Requirements) (Decision, *facts) {
	switch {
	case raw == "":
		return Decision{Err: refuse(ReasonNoToken, "")}, nil
	case len(raw) > MaxTokenSize:
		return Decision{Err: refuse(ReasonTokenTooLarge, "")}, nil
	}
	s := signedToken{raw: raw}
	known, now, ok := v.recall(&s)
	switch {
	case !ok:
		return v.opaque(ctx, raw, require)
	case known == nil:
		return v.examine(ctx, s, require, nil, now)
	case known.key == nil:
		return v.settleFallback(ctx, s, require, known, now)
	case !known.keyTrusted(now):
		return v.examine(ctx, s, require, nil, now)
	case known.issuer.always || require.freshness(known.issuer).named():
		return v.settle(ctx, s, known, require, true, now)
	}
	return Decision{Issuer: known.issuer.name, Token: known.token, Cached: true, Err: v.current(known, now, false)}, known
}

// signedToken is a raw token that may be a JWS.
type signedToken struct {
	raw     string
	compact jose.Compact
	digest  [sha256.Size]byte // of the signature
}

// recall finds the token's parts, what is known of it, and the instant of that. It reports
// false for what is no JWS, for most of which no clock is read. Most tokens are known, and their
// signature begins where most do: then nobody looks for dots, as what is compared with the
// known token leaves no room for others.
func (v *Validator) recall(s *signedToken) (known *facts, now time.Time, ok bool) {
	tail := jose.Tail(s.raw)
	if tail != "" {
		now = v.clock()
		s.digest = signatureDigest(tail)
		if known = v.cache.Get(s.digest, now); known != nil {
			if s.compact, ok = known.cut(s.raw, tail); ok {
				return known, now, true
			}
		}
	}
	if s.compact, ok = jose.Cut(s.raw); !ok {
		return nil, now, false
	}
	if tail == "" || s.compact.Signature != tail {
		now = v.clock()
		s.digest = signatureDigest(s.compact.Signature)
		known = v.cache.Get(s.digest, now)
	}
	if known != nil && !known.is(s.compact) {
		return nil, now, true
	}
	return known, now, true
}

// question is what the issuer is asked about it. own is what it says itself.
func (s *signedToken) question(own *facts) question {
	return question{issuer: own.issuer, raw: s.raw, id: tokenDigest(own.issuer, s.raw), digest: s.digest, own: own}
}

// examine decides on a token of which nothing is known, or at best what its issuer
// said of it while its key could not be had.
func (v *Validator) examine(ctx context.Context, s signedToken, require *Requirements, said *facts, now time.Time) (Decision, *facts) {
	c, e := v.decode(s.compact)
	defer c.free()
	unread := s.compact.Signature // what was decoded is in the alphabet
	if e != nil {
		unread = s.raw
	}
	// Before all else that is wrong: a client error, of a text that was no token (RFC 6750 2.1).
	if !jose.InAlphabet(unread) {
		return Decision{Err: refuse(ReasonTokenAlphabet, "")}, nil
	}
	if e != nil && e.Reason == ReasonNotJWT {
		return v.opaque(ctx, s.raw, require)
	}
	if e != nil {
		return Decision{Err: e}, nil
	}
	d := Decision{Issuer: c.issuer.name}
	if f := c.examine(checks, instant{dateOf(now), v.leeway}); f != nil {
		d.Err = f.error()
		return d, nil
	}
	var key *jwks.Key
	for key == nil || !key.TrustedFor(c.header.KeyID, c.algorithm.String()) { // one that is withdrawn meanwhile is looked up again, as on a hit
		if key, e = c.verify(ctx, s.compact); e != nil {
			return v.withoutKey(ctx, c, s, require, said, e)
		}
		now = v.clock() // keys may have taken a while to come
	}
	v.headers.keep(c.known)
	known := c.facts(key, s.compact, v.lists)
	v.keep(s.digest, known, now)
	if c.issuer.always || require.freshness(c.issuer).named() {
		return v.settle(ctx, s, known, require, false, now)
	}
	d.Token, d.Err = known.token, v.current(known, now, false)
	return d, known
}

// verify finds the key that the token names and checks the signature with it
// (RFC 7515 5.2). A bad signature under a listed key is final: it never causes a
// fetch.
func (c *candidate) verify(ctx context.Context, compact jose.Compact) (*jwks.Key, *Error) {
	signature, err := jose.AppendSegment(c.signature[:0], compact.Signature)
	if err != nil {
		return nil, refuse(ReasonMalformedToken, "signature: "+err.Error())
	}
	key, e := c.issuer.key(ctx, c.header.KeyID, c.algorithm)
	if e != nil {
		return nil, e
	}
	if !c.keyServes(key) {
		return nil, refuse(ReasonUnknownKey, fmt.Sprintf("the key is listed for issuer %.100q", key.Issuer()))
	}
	if key.Verify(c.algorithm.String(), compact.Signed, signature) != nil {
		return nil, refuse(ReasonBadSignature, "")
	}
	return key, nil
}

// decode reads header and claims and finds the issuer by exact iss. Nothing of it
// is believed yet. A candidate beside an error is one of no issuer.
func (v *Validator) decode(compact jose.Compact) (*candidate, *Error) {
	header, e := v.headers.read(compact)
	if e != nil {
		return nil, e
	}
	c := candidates.Get().(*candidate)
	c.known, c.header, c.typ, c.exact = header, header.Header, header.typ, absent
	switch e := v.decodeClaims(c, compact.Payload); {
	case e == nil || e.Reason == ReasonUnknownIssuer:
		return c, e
	default:
		c.free()
		return nil, e
	}
}

func (v *Validator) decodeClaims(c *candidate, payload string) *Error {
	if f := c.claims.parse(payload); f != nil {
		return f.error()
	}
	// RFC 9068 4: the issuer must exactly match. Everything else that is checked
	// belongs to this issuer, and its keys are the only ones asked.
	if c.issuer = v.trusted.find(c.claims.issuer); c.issuer == nil {
		return refuse(ReasonUnknownIssuer, string(appendQuoted([]byte("iss: expected a configured issuer, found "), c.claims.issuer)))
	}
	c.rules = c.issuer.rules
	if f := c.readFurther(); f != nil {
		return f.error()
	}
	return nil
}

func readHeader(compact jose.Compact) (jose.Header, *Error) {
	header, err := jose.ParseHeader(compact.Header)
	switch {
	case errors.Is(err, jose.ErrNotJWS):
		return header, refuse(ReasonNotJWT, "the header is not that of a JWS")
	case errors.Is(err, jose.ErrCritical):
		return header, refuse(ReasonCriticalHeader, "")
	case err != nil:
		return header, refuse(ReasonMalformedJOSEHeader, err.Error())
	}
	return header, nil
}

// facts are those of a candidate whose signature verified; without a key, what it
// says itself. They keep no part of the raw token's memory, so that no signature is
// kept alive.
func (c *candidate) facts(key *jwks.Key, compact jose.Compact, known *lists) *facts {
	kid := c.header.KeyID
	if kid != "" && key != nil {
		kid = key.ID() // the same text, but the key's own
	}
	f := newFacts()
	f.evidence = evidence{
		token: &f.face, issuer: c.issuer, iss: c.claims.issuer, key: key, origin: OriginLocal,
		kid: kid, algorithm: c.algorithm,
		header: c.known.segment, payload: strings.Clone(compact.Payload),
		subject: c.claims.subject, session: c.claims.session, id: c.claims.id, clientID: c.client, matched: c.matched,
		audience: known.shared(audiences, c.claims.audience), scopes: known.shared(scopes, c.scopes),
		expiry: c.claims.expiry, notBefore: c.claims.notBefore, issuedAt: c.claims.issuedAt,
		confirmation: c.claims.confirmation, status: c.status,
	}
	f.pack()
	return f
}

// pack lets go of the text of the claims, which the payload has too.
func (f *facts) pack() {
	var space [8]*string
	texts := append(space[:0], &f.subject, &f.session, &f.id, &f.confirmation.JKT, &f.confirmation.X5TS256)
	if f.iss == f.issuer.url {
		f.iss = f.issuer.url
	} else {
		texts = append(texts, &f.iss)
	}
	if at := slices.Index(f.issuer.clientIDs, f.clientID); at >= 0 {
		f.clientID = f.issuer.clientIDs[at]
	} else {
		texts = append(texts, &f.clientID)
	}
	pack(texts...)
}

// keep remembers the facts for as long as they can matter. Nobody else has them yet.
func (v *Validator) keep(digest [sha256.Size]byte, t *facts, now time.Time) {
	t.keptAt = dateOf(now)
	v.cache.PutEntry(digest, t.entry, v.keptUntil(t, now))
}

// keptUntil is how long facts are kept that are kept now.
func (v *Validator) keptUntil(t *facts, now time.Time) time.Time {
	until := t.expiry.plus(v.leeway).time()
	if t.key == nil {
		until = t.answerDeadline()
	}
	if v.cap > 0 && now.Add(v.cap).Before(until) {
		return now.Add(v.cap)
	}
	return until
}

// current looks at what can have changed since the token was found genuine. It runs
// on a hit as on a miss, so that both give the same verdict at every instant.
// byAnswer: the decision rests on the issuer's answer.
func (v *Validator) current(t *facts, now time.Time, byAnswer bool) *Error {
	if f := t.examineAgain(instant{dateOf(now), v.leeway}, byAnswer); f != nil {
		return verified(f.error())
	}
	if !t.tenantServed() {
		return verified(refuse(ReasonTenantNotAllowed, "by Tenants.Permit"))
	}
	if e := t.refusedByMarks(byAnswer); e != nil {
		return verified(e)
	}
	return nil
}

// admit holds a good token to what the call requires: possession first, then policy.
func admit(ctx context.Context, raw string, known *facts, require *Requirements) *Error {
	if e := prove(ctx, raw, known, require.Proofs); e != nil {
		e.finding = atProof // whatever reason it was given
		return verified(e)
	}
	if require.Policy != nil {
		return require.Policy.check(ctx, known)
	}
	return nil
}

// notJWT refuses what cannot be a JWS: as malformed if no access token looks like
// that at all (RFC 6750 2.1).
func notJWT(raw string) *Error {
	if !jose.InAlphabet(raw) {
		return refuse(ReasonTokenAlphabet, "no character of a token; is the scheme still in front of it?")
	}
	return refuse(ReasonNotJWT, "not three parts that begin with a JWS header: an opaque token?")
}

// signatureDigest is the full SHA-256 of the signature's text: second preimages
// are out of reach, and what is kept cannot be turned back into a token.
func signatureDigest(signature string) [sha256.Size]byte {
	if len(signature) <= 384 { // of RSA with 2048 bits, 342: less to clear
		var space [384]byte
		return sha256.Sum256(append(space[:0], signature...))
	}
	var space [1024]byte
	return sha256.Sum256(append(space[:0], signature...))
}
