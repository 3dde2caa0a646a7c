package validator

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/jwks"
)

// Validator decides on access tokens. It is immutable and safe for concurrent
// use; it starts no goroutine that outlives a fetch of keys, so there is nothing
// to close.
type Validator struct {
	trusted *trusted
	witness *witness
	leeway  time.Duration
	cap     time.Duration
	clock   func() time.Time
	cache   *cache.Cache[[sha256.Size]byte, *Token]

	// What a reload shares.
	sources map[sourceSpec]*jwks.Source
	revoked *revocations
	newest  *atomic.Pointer[witness] // hears of key fetches
}

// New returns a Validator for the configuration. It does no I/O: keys are
// fetched when the first token, or Ready, asks for them, so that a service
// starts while its authorization server is down. The error joins a *ConfigError
// for every mistake.
func New(config Config) (*Validator, error) {
	return build(config, nil, new(revocations), new(atomic.Pointer[witness]))
}

// WithConfig returns a new Validator for a changed configuration. It shares with
// v the keys (and what is known about unknown ones) of every issuer whose Name,
// URL, JWKSURL, Okta profile, refresh settings, HTTPClient and
// InsecureAllowHTTP are the same, and what was revoked. A shared key source
// keeps the Clock it began with; the Logger and Observer of the newest
// configuration hear of its fetches. v stays usable, and is unaffected by an
// error.
func (v *Validator) WithConfig(config Config) (*Validator, error) {
	return build(config, v.sources, v.revoked, v.newest)
}

func build(config Config, old map[sourceSpec]*jwks.Source, revoked *revocations, newest *atomic.Pointer[witness]) (*Validator, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	v := &Validator{
		trusted: &trusted{make(map[string]*issuer, len(config.Issuers)), map[string]int{}},
		witness: &witness{config.Observer, config.Logger},
		leeway:  config.leeway(), cap: config.CacheCap, clock: config.Clock,
		sources: make(map[sourceSpec]*jwks.Source, len(config.Issuers)),
		revoked: revoked, newest: newest,
	}
	if v.clock == nil {
		v.clock = time.Now
	}
	size := config.CacheSize
	if size == 0 {
		size = DefaultCacheSize
	}
	var err error
	if v.cache, err = cache.New[[sha256.Size]byte, *Token](size, spread); err != nil {
		return nil, err
	}
	if err := v.addIssuers(config, old); err != nil {
		return nil, err
	}
	newest.Store(v.witness)
	return v, nil
}

func (v *Validator) addIssuers(config Config, old map[sourceSpec]*jwks.Source) error {
	for _, c := range config.Issuers {
		is := newIssuer(c)
		spec := sourceSpec{
			is.name, is.url, c.JWKSURL, c.KeyRefreshBurst, c.KeyRefreshInterval, config.HTTPClient,
			endpointRule{config.InsecureAllowHTTP, is.rules == oktaRules},
		}
		source, shared := old[spec]
		if !shared {
			var err error
			if source, err = newSource(spec, v.clock, v.newest); err != nil {
				return err
			}
		}
		is.keys, is.trusted, v.sources[spec], v.trusted.issuers[is.url] = source, v.trusted, source, is
		for _, a := range is.audiences {
			v.trusted.audiences[a]++
		}
	}
	return nil
}

// spread picks a shard by the first bytes of a SHA-256 hash.
func spread(digest [sha256.Size]byte) uint64 { return binary.LittleEndian.Uint64(digest[:8]) }

// Ready returns nil once every issuer has had a key set, and fetches those that
// are missing. It never turns back: an outage later on concerns only tokens
// with unknown keys. Errors are of class ErrUnavailable.
func (v *Validator) Ready(ctx context.Context) error {
	errs := make([]error, len(v.trusted.issuers))
	var wg sync.WaitGroup
	i := 0
	for _, is := range v.trusted.issuers {
		slot := &errs[i]
		i++
		wg.Go(func() {
			if err := is.keys.Ready(ctx); err != nil {
				*slot = keyError(ctx, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Validate decides on one raw token: what followed the scheme in the
// Authorization header, or the token of a gRPC call. It is ValidateWith of the
// zero Requirements.
func (v *Validator) Validate(ctx context.Context, rawToken string) (*Token, error) {
	return v.ValidateWith(ctx, rawToken, Requirements{})
}

// ValidateWith decides on one raw token and on what the call requires beyond
// it. It returns either a Token or an error, never both; errors are of type
// *Error. Waiting for keys ends with ctx.
func (v *Validator) ValidateWith(ctx context.Context, rawToken string, require Requirements) (*Token, error) {
	d := v.establish(ctx, rawToken)
	if d.Err == nil {
		d.Err = admit(ctx, rawToken, d.Token, d.Token.facts.Load(), require)
	}
	v.witness.decision(ctx, d)
	if d.Err != nil {
		return nil, d.Err
	}
	return d.Token, nil
}

// Refused tells the Observer and the Logger of a refusal that a transport made
// before there was a token to validate, so that they hear of every request.
func (v *Validator) Refused(ctx context.Context, e *Error) {
	v.witness.decision(ctx, Decision{Err: e})
}

// establish finds out whether the token is good: from what is kept about it, or
// by examining it.
func (v *Validator) establish(ctx context.Context, raw string) Decision {
	switch {
	case raw == "":
		return Decision{Err: refuse(ReasonNoToken, "")}
	case len(raw) > MaxTokenSize:
		return Decision{Err: refuse(ReasonTokenTooLarge, "")}
	}
	compact, ok := jose.Cut(raw)
	if !ok {
		return Decision{Err: notJWT(raw)}
	}
	digest := signatureDigest(compact.Signature)
	now := v.clock()
	if t, ok := v.cache.Get(digest, now); ok {
		if known := t.facts.Load(); known.signed == compact.Signed && known.key.Trusted() {
			return Decision{Issuer: known.issuer.name, Token: t, Cached: true, Err: v.current(known, now)}
		}
	}
	return v.examine(ctx, raw, compact, digest, now)
}

// examine decides on a token that nothing is known about.
func (v *Validator) examine(ctx context.Context, raw string, compact jose.Compact, digest [sha256.Size]byte, now time.Time) Decision {
	if !jose.InAlphabet(raw) {
		return Decision{Err: refuse(ReasonTokenAlphabet, "")}
	}
	c, e := v.decode(compact)
	if e != nil {
		return Decision{Err: e}
	}
	d := Decision{Issuer: c.issuer.name}
	if f := c.examine(instant{dateOf(now), v.leeway}); f != nil {
		d.Err = f.error()
		return d
	}
	key, e := c.verify(ctx, compact)
	if e != nil {
		d.Err = e
		return d
	}
	known := c.facts(key, compact.Signed)
	d.Token = newToken(known)
	now = v.clock() // keys may have taken a while to come
	v.keep(digest, d.Token, now)
	d.Err = v.current(known, now)
	return d
}

// verify finds the key that the token names and checks the signature with it
// (RFC 7515 5.2). A bad signature under a listed key is final: it never causes a
// fetch. A key that was withdrawn meanwhile is looked up again, as a hit would do.
func (c *candidate) verify(ctx context.Context, compact jose.Compact) (*jwks.Key, *Error) {
	var space [512]byte // no common signature is longer
	signature, err := jose.AppendSegment(space[:0], compact.Signature)
	if err != nil {
		return nil, refuse(ReasonMalformedToken, "signature: "+err.Error())
	}
	for {
		key, e := c.issuer.key(ctx, c.header.KeyID, c.algorithm)
		if e != nil {
			return nil, e
		}
		if key.Verify(c.algorithm, compact.Signed, signature) != nil {
			return nil, refuse(ReasonBadSignature, "")
		}
		if key.Trusted() {
			return key, nil
		}
	}
}

// decode reads header and claims and finds the issuer by exact iss. Nothing of it
// is believed yet.
func (v *Validator) decode(compact jose.Compact) (*candidate, *Error) {
	header, err := jose.ParseHeader(compact.Header)
	switch {
	case errors.Is(err, jose.ErrNotJWS):
		return nil, refuse(ReasonNotJWT, "")
	case errors.Is(err, jose.ErrCritical):
		return nil, refuse(ReasonCriticalHeader, "")
	case err != nil:
		return nil, refuse(ReasonMalformedJOSEHeader, err.Error())
	}
	c := &candidate{header: header, typ: normalType(header.Type)}
	var f *failure
	if c.claims, f = parseClaims(compact.Payload); f != nil {
		return nil, f.error()
	}
	// RFC 9068 4: the issuer must exactly match. Everything else that is checked
	// belongs to this issuer, and its keys are the only ones asked.
	if c.issuer = v.trusted.issuers[c.claims.issuer]; c.issuer == nil {
		return nil, failed(ReasonUnknownIssuer, "a configured issuer", c.claims.issuer).error()
	}
	return c, nil
}

// facts are those of a candidate whose signature verified. They keep no part of
// the raw token's memory, so that no signature is kept alive.
func (c *candidate) facts(key *jwks.Key, signed string) *facts {
	return &facts{
		issuer: c.issuer, key: key, origin: OriginLocal,
		signed: strings.Clone(signed), text: c.claims.text,
		subject: c.claims.subject, id: c.claims.id, clientID: c.client, matched: c.matched,
		audience: c.claims.audience, scopes: c.scopes,
		expiry: c.claims.expiry, notBefore: c.claims.notBefore, issuedAt: c.claims.issuedAt,
		introspectedAt: absent, confirmation: c.claims.confirmation,
	}
}

// keep remembers the facts for as long as they can matter.
func (v *Validator) keep(digest [sha256.Size]byte, t *Token, now time.Time) {
	until := t.facts.Load().expiry.plus(v.leeway).time()
	if v.cap > 0 && now.Add(v.cap).Before(until) {
		until = now.Add(v.cap)
	}
	v.cache.Put(digest, t, until)
}

// current looks at what can have changed since the signature verified. It runs
// on a hit as on a miss, so that both give the same verdict at every instant.
func (v *Validator) current(t *facts, now time.Time) *Error {
	if f := t.examineAgain(instant{dateOf(now), v.leeway}); f != nil {
		return verified(f.error())
	}
	if v.revoked.revoked(t) {
		return verified(refuse(ReasonRevoked, ""))
	}
	return nil
}

// admit holds a good token to what the call requires: possession first, then policy.
func admit(ctx context.Context, raw string, t *Token, known *facts, require Requirements) *Error {
	if e := freshEnough(known, require.Fresh); e != nil {
		return verified(e)
	}
	if e := prove(ctx, raw, t, known.confirmation, require.Proofs); e != nil {
		return verified(e)
	}
	if require.Policy != nil {
		return require.Policy.check(known)
	}
	return nil
}

// notJWT refuses what cannot be a JWS: as malformed if no access token looks like
// that at all (RFC 6750 2.1).
func notJWT(raw string) *Error {
	if !jose.InAlphabet(raw) {
		return refuse(ReasonTokenAlphabet, "")
	}
	return refuse(ReasonNotJWT, "")
}

// signatureDigest is the full SHA-256 of the signature's text: second preimages
// are out of reach, and what is kept cannot be turned back into a token.
func signatureDigest(signature string) [sha256.Size]byte {
	var space [1024]byte
	return sha256.Sum256(append(space[:0], signature...))
}
