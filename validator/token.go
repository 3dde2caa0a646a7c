package validator

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/jwks"
)

// Origin is how a token was established as good.
type Origin string

// The origins.
const (
	OriginLocal         Origin = "local"         // its signature verified with the issuer's key
	OriginIntrospection Origin = "introspection" // the issuer said so (RFC 7662)
)

// Token is an access token that was accepted: the facts, not the string. It is
// immutable and safe for concurrent use; it never prints itself. Only a
// Validator makes Tokens.
type Token struct {
	// An atomic.Pointer although it is written once: fmt calls no method on the
	// unexported fields of a user's struct, but prints what they point to, and
	// this is the only pointer that it does not follow.
	facts atomic.Pointer[facts]
}

// facts are what is known about a good token. They are what the cache holds: a
// hit need not look at the Token to decide.
type facts struct {
	// clean is the version of the issuer's marks by which none of them concerns the
	// token (revoked).
	clean atomic.Uint64
	evidence
	entry *entry // of the cache, which they are in, or for
	face  Token  // evidence.token, in the same piece of memory
}

// entry is facts in one piece with what the cache notes about them.
type entry = cache.Entry[[sha256.Size]byte, facts]

func newFacts() *facts {
	place := new(entry)
	f := &place.Value
	f.entry = place
	f.face.facts.Store(f)
	return f
}

// evidence is what does not change any more. What every hit looks at comes first, beside
// what finds it.
type evidence struct {
	// header and payload are those of the token: with the full hash of the signature
	// (the cache's key) they identify it, and are no usable token. Empty for an opaque
	// token, whose own hash is the key.
	payload, header string

	issuer *issuer
	key    *jwks.Key
	// kid, empty if the token has none, and algorithm: what the key was asked for.
	kid       string
	algorithm jose.Algorithm

	expiry, notBefore, issuedAt numericDate
	inquiry                     *inquiry     // nil: the issuer was not asked
	status                      *tokenStatus // nil: it is good until exp
	token                       *Token       // the one Token of these facts
	scopes                      []string
	confirmation                Confirmation

	iss    string // exactly; issuer may stand for many
	origin Origin
	// answer is what the issuer said, where that is what was checked; else the claims
	// are the payload.
	answer string

	subject, session, id, clientID, matched string
	audience                                []string
	keptAt                                  numericDate // 0: never
}

// inquiry is the last answer of the issuer about a token: it called it active.
type inquiry struct {
	// sent is when the question was sent, with its monotonic reading.
	sent time.Time
	// until is exp by the answer, exactly; absent where only the token has one.
	until numericDate
	// own is what the token says itself, of a JWS whose key could not be had. Marks look
	// at it too: an answer may leave out the sid, jti or sub by which it is revoked.
	own *facts
	// asked is the version of the issuer's marks when it was: the answer knows of all
	// up to that. 0 where another replica asked: it may have known of none. clean is one by which none has come since that concerns the token.
	asked uint64
	clean atomic.Uint64
}

// is reports whether the facts are those of this very token, whose signature has the
// hash under which they were found.
func (f *facts) is(compact jose.Compact) bool {
	return f.payload == compact.Payload && f.header == compact.Header
}

// cut is the token that raw is, if it is theirs. What follows its last dot is given.
func (f *facts) cut(raw, tail string) (compact jose.Compact, theirs bool) {
	first := len(f.header)
	second := first + 1 + len(f.payload)
	// An opaque token has no header, and its hash could be that of a tail as well: but
	// what begins with a dot has no tail (jose.Tail).
	if len(raw) != second+1+len(tail) || raw[first] != '.' {
		return compact, false
	}
	compact = jose.Compact{Header: raw[:first], Payload: raw[first+1 : second], Signature: tail, Signed: raw[:second]}
	return compact, f.is(compact)
}

// claims are the bytes that were checked.
func (f *facts) claims() []byte {
	if f.answer != "" || f.payload == "" {
		return []byte(f.answer)
	}
	text, _ := jose.AppendSegment(nil, f.payload) // it was decoded before
	return text
}

// object walks the claims. The caller must Close it.
func (f *facts) object(names *jose.Names) *jose.Object {
	if f.answer == "" && f.payload != "" {
		if o, err := jose.ReadSegment(f.payload, names); err == nil { // as it was before
			return o
		}
	}
	return jose.ReadObject(f.answer, names)
}

func (f *facts) identity() Identity { return Identity{f.iss, f.subject} }

// Identity is who a token speaks for. A subject means something only together
// with the issuer that names it (RFC 7519 4.1.2), so use this as the key of
// whatever belongs to a user.
type Identity struct{ Issuer, Subject string }

// Identity returns the pair of Issuer and Subject.
func (t *Token) Identity() Identity { return t.facts.Load().identity() }

// Issuer is the exact iss.
func (t *Token) Issuer() string { return t.facts.Load().iss }

// IssuerName is the label that the configuration gives to the issuer.
func (t *Token) IssuerName() string { return t.facts.Load().issuer.name }

// Subject is sub; empty when the token has none. It is unique only within its
// issuer: see Identity.
func (t *Token) Subject() string { return t.facts.Load().subject }

// ClientID is the client that the token was issued to; empty when it names none.
func (t *Token) ClientID() string { return t.facts.Load().clientID }

// ID is jti; empty when the token has none.
func (t *Token) ID() string { return t.facts.Load().id }

// Scopes returns a copy of the token's scopes, in its order.
func (t *Token) Scopes() []string { return slices.Clone(t.facts.Load().scopes) }

// HasScope reports whether the token has the scope. Scopes compare exactly
// (RFC 6749 3.3).
func (t *Token) HasScope(scope string) bool { return slices.Contains(t.facts.Load().scopes, scope) }

// Audiences returns a copy of aud; where the client stands in for it (Cognito), the
// client.
func (t *Token) Audiences() []string { return slices.Clone(t.facts.Load().audience) }

// MatchedAudience is the first of the issuer's configured audiences that the
// token names.
func (t *Token) MatchedAudience() string { return t.facts.Load().matched }

// Expiry is exp. For an introspected token that has none it is when its
// acceptance ends (Issuer.AllowMissingExpiry).
func (t *Token) Expiry() time.Time { return t.facts.Load().expiry.time() }

// IssuedAt is iat; the zero time when the token has none.
func (t *Token) IssuedAt() time.Time { return t.facts.Load().issuedAt.time() }

// Origin is how the token was established as good.
func (t *Token) Origin() Origin { return t.facts.Load().origin }

// IntrospectedAt is when the issuer was asked about the token, by the clock as it
// was when the question was sent; the zero time if it was not asked. Where another
// replica asked (Config.Fleet), it is that much earlier as clocks may differ.
func (t *Token) IntrospectedAt() time.Time {
	if asked := t.facts.Load().inquiry; asked != nil {
		return asked.sent
	}
	return time.Time{}
}

// KeyID is the kid of the key that verified the token; empty when the key has
// none or the token was introspected.
func (t *Token) KeyID() string {
	if key := t.facts.Load().key; key != nil {
		return key.ID()
	}
	return ""
}

// Confirmation is what the token is bound to (cnf); the zero value for a token
// that is not bound. It was proven for every Token that ValidateWith returns.
func (t *Token) Confirmation() Confirmation { return t.facts.Load().confirmation }

// Claim returns the claim of that exact name as encoding/json decodes it into an
// any: string, float64, bool, nil, []any or map[string]any. It reports false for
// one that is absent or no float64 can hold. For exact integers or types of your
// own use Claims.
func (t *Token) Claim(name string) (value any, ok bool) {
	o := t.facts.Load().object(nil)
	defer o.Close()
	for o.Next() {
		if o.Name() == name {
			if json.Unmarshal([]byte(o.Raw()), &value) != nil {
				return nil, false
			}
			return value, true
		}
	}
	return nil, false
}

// Claims decodes all claims into a T, usually a struct with json tags or a
// map[string]any. Names match exactly, case included. It reads the very bytes
// that were checked: those of the token, or of the issuer's answer where Origin is
// OriginIntrospection. The error is the decoder's when a claim does not fit T. t
// must be a Token that a Validator returned.
func Claims[T any](t *Token) (T, error) {
	var value T
	if err := json.Unmarshal(t.facts.Load().claims(), &value); err != nil {
		return value, fmt.Errorf("validator: claims: %w", err)
	}
	return value, nil
}

const redacted = "[access token]"

// Format prints a fixed text for every verb: claims are personal data, and a
// token in a log line is a mistake that this makes harmless.
func (*Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the claims out of structured logs.
func (*Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON keeps the claims out of whatever the token is embedded in.
func (*Token) MarshalJSON() ([]byte, error) {
	return jsontext.AppendQuote(nil, redacted)
}

// numericDate is a NumericDate (RFC 7519 2) in microseconds.
type numericDate int64

const absent numericDate = math.MinInt64

func dateOf(t time.Time) numericDate { return numericDate(t.UnixMicro()) }

func (d numericDate) time() time.Time {
	if d == absent {
		return time.Time{}
	}
	return time.UnixMicro(int64(d))
}

func (d numericDate) plus(by time.Duration) numericDate { return d + numericDate(by.Microseconds()) }
