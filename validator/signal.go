package validator

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Outcome is what a good signal of an issuer led to. The set is closed: it is safe as a
// metric label.
type Outcome string

// The outcomes.
const (
	// OutcomeRevoked: tokens are refused from now on.
	OutcomeRevoked Outcome = "revoked"
	// OutcomeRepeated: it has come before, and changed nothing.
	OutcomeRepeated Outcome = "repeated"
	// OutcomeUnmatched: it revokes something, but names it in a way that no token does,
	// such as by an e-mail address, or as another issuer's.
	OutcomeUnmatched Outcome = "unmatched"
	// OutcomeIgnored: it is about something that does not concern tokens.
	OutcomeIgnored Outcome = "ignored"
	// OutcomeVerification: the issuer tried whether signals arrive.
	OutcomeVerification Outcome = "verification"
)

// SignalKind is in which form an issuer tells of revocations.
type SignalKind string

// The kinds.
const (
	SignalEvent  SignalKind = "event"  // a security event token (RFC 8417)
	SignalLogout SignalKind = "logout" // a logout token (OpenID Connect Back-Channel Logout)
)

// Signal is what became of a text that was said to be an issuer's signal.
type Signal struct {
	Kind SignalKind
	// Issuer is the Name of the configured issuer; empty where it named none.
	Issuer string
	// Outcome is of a good signal.
	Outcome Outcome
	// State is what the issuer put into a verification event, for whoever asked for it.
	State string
	// Err is nil for a good signal. Nothing that is not good has any effect.
	Err *Error
}

// signal is one under examination: decoded, of a configured issuer, and not yet
// believed.
type signal struct {
	candidate
	compact     jose.Compact
	revocations []Revocation // what it revokes
	at          numericDate  // when; absent: nothing is revoked
	outcome     Outcome      // unless it revokes something
	state       string
}

// form is what tells one kind of signal from everything else that an issuer signs.
type form struct {
	kind      SignalKind
	types     []string // typ, in normal form; "" means absent
	names     *jose.Names
	audiences func(*issuer) []string
	read      func(*signal) *failure // what is said, once the claims are read
}

// ReceiveEvent takes in a security event token (SET, RFC 8417) that the issuer pushed
// (RFC 8935) or that was polled, as middleware/signals does over HTTP. What it revokes
// is refused from now on: session-revoked, credential-change and token-claims-change of
// CAEP, account-disabled, account-purged and sessions-revoked of RISC. The time that
// counts is the event's own. The error is an *Error as of a token: of class
// ErrInvalidToken it was decided that it is no good event of a configured issuer
// (Issuer.EventAudiences), of class ErrUnavailable the issuer should send it again.
func (v *Validator) ReceiveEvent(ctx context.Context, securityEventToken string) (Outcome, error) {
	return v.receive(ctx, securityEventToken, &eventForm)
}

// ReceiveLogout takes in a logout token (OpenID Connect Back-Channel Logout 1.0 2.4), as
// middleware/signals does over HTTP: the tokens of the session or of the user that were
// issued until then are refused from now on. Errors are those of ReceiveEvent, for
// Issuer.LogoutClientIDs.
func (v *Validator) ReceiveLogout(ctx context.Context, logoutToken string) (Outcome, error) {
	return v.receive(ctx, logoutToken, &logoutForm)
}

// receive judges a signal, and then lets it count.
func (v *Validator) receive(ctx context.Context, raw string, f *form) (Outcome, error) {
	told := Signal{Kind: f.kind}
	s, e := v.readSignal(raw, f)
	if s != nil {
		told.Issuer = s.issuer.name
	}
	if e == nil {
		e = v.authenticate(ctx, s)
	}
	if e == nil {
		told.Outcome, told.State, e = v.obey(f.kind, s)
	}
	told.Err = e
	v.witness.signal(ctx, told)
	if e != nil {
		return "", e
	}
	return told.Outcome, nil
}

// readSignal decodes a signal and holds it to everything that needs no key.
func (v *Validator) readSignal(raw string, f *form) (*signal, *Error) {
	s, e := decodeSignal(raw, f)
	if e != nil {
		return nil, e
	}
	// One decides by iss whose keys are asked; an issuer that is not configured to tell
	// of anything has no say (RFC 8417 5.3).
	var audiences []string
	if s.issuer = v.trusted.find(s.claims.issuer); s.issuer != nil {
		audiences = f.audiences(s.issuer)
	}
	if len(audiences) == 0 {
		return nil, refuse(ReasonUnknownIssuer, fmt.Sprintf("iss: expected an issuer that is configured to send such, found %.100q", s.claims.issuer))
	}
	for _, wrong := range []*failure{
		algorithmAllowed(&s.candidate), s.isFor(audiences), s.isTimely(instant{dateOf(v.clock()), v.leeway}), f.read(s),
	} {
		if wrong != nil {
			wrong.check = string(f.kind)
			return s, wrong.error()
		}
	}
	return s, nil
}

func decodeSignal(raw string, f *form) (*signal, *Error) {
	if len(raw) > MaxTokenSize {
		return nil, refuse(ReasonTokenTooLarge, "")
	}
	compact, ok := jose.Cut(raw)
	if !ok || !jose.InAlphabet(raw) {
		return nil, refuse(ReasonMalformedToken, "not a JWS")
	}
	header, e := readHeader(compact)
	if e != nil {
		return nil, e
	}
	// An ID token or an access token of the same issuer is no signal, though its key
	// signed it (RFC 8725 3.11 and 3.12, RFC 8417 4).
	if typ := normalType(header.Type); !slices.Contains(f.types, typ) {
		return nil, refuse(ReasonNotSignal, fmt.Sprintf("typ: expected one of %q, found %.100q", f.types, typ))
	}
	claims, wrong := parseClaims(compact.Payload)
	if wrong != nil {
		return nil, wrong.error()
	}
	further, wrong := readNamed(claims.text, f.names)
	if wrong != nil {
		return nil, wrong.error()
	}
	return &signal{candidate: candidate{header: header, claims: claims, further: further, exact: absent}, compact: compact, at: absent}, nil
}

// isFor: a signal for somebody else may be about a user of the same name.
func (s *signal) isFor(audiences []string) *failure {
	for _, ours := range audiences {
		if slices.Contains(s.claims.audience, ours) {
			return nil
		}
	}
	return failed(ReasonAudienceMismatch, fmt.Sprintf("one of %q", audiences), strings.Join(s.claims.audience, " "))
}

// isTimely: iat and jti are required (RFC 8417 2.2, Back-Channel Logout 2.4). The first
// is the latest time that the signal can be about, and must not be to come. A signal
// has no age beyond which it is bad: it may have waited for us, and says itself of
// when it is.
func (s *signal) isTimely(at instant) *failure {
	c := &s.claims
	switch {
	case c.issuedAt == absent:
		return failed(ReasonClaimMissing, "claim iat", "none")
	case c.id == "":
		return failed(ReasonClaimMissing, "claim jti", "none")
	}
	when := times{c.expiry, c.notBefore, c.issuedAt, absent}
	if c.expiry == absent { // RFC 8417 2.2 advises against it
		when.expiry = maxDate * 1e6 // never
	}
	for _, check := range []func(times, instant) *failure{notExpired, notFromTheFuture, alreadyValid} {
		if f := check(when, at); f != nil {
			return f
		}
	}
	return nil
}

// authenticate verifies the signature, by the issuer's keys alone.
func (v *Validator) authenticate(ctx context.Context, s *signal) *Error {
	_, e := s.verify(ctx, s.compact)
	return e
}

// obey lets a good signal count.
func (v *Validator) obey(kind SignalKind, s *signal) (Outcome, string, *Error) {
	id := signalID(kind, s.claims.issuer, s.claims.id)
	if v.revoked.obeyed(id) {
		return OutcomeRepeated, "", nil
	}
	for _, x := range s.revocations {
		at := s.at
		if x.TokenID != "" {
			// Whenever it was issued, that was before its issuer told of it: the mark must
			// outlive it, even if the event is of long ago.
			at = s.claims.issuedAt
		}
		if err := v.revoked.apply(Watermark{x, at.time()}, true); err != nil {
			return "", "", refuse(ReasonMalformedClaims, err.Error())
		}
	}
	v.revoked.remember(id)
	if len(s.revocations) == 0 {
		return s.outcome, s.state, nil
	}
	return OutcomeRevoked, "", nil
}

// checkSignals reports the mistakes in what an issuer is to tell us.
func (c *Config) checkSignals(m *mistakes, field string, is *Issuer) {
	for name, list := range map[string][]string{"EventAudiences": is.EventAudiences, "LogoutClientIDs": is.LogoutClientIDs} {
		switch {
		case len(list) == 0:
			continue
		case slices.Contains(list, ""):
			m.add(field+"."+name, "none may be empty")
		case c.Revocations == nil:
			m.add(field+"."+name, "is about revocations, but Revocations is nil")
		case is.OpaqueOnly:
			m.add(field+"."+name, "needs the issuer's keys, but OpaqueOnly says that there are none")
		}
	}
}
