package dpop

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/validator"
)

// MaxProofSize is the longest proof that is looked at, in bytes: an RSA key of 8192
// bits and its signature fit.
const MaxProofSize = 4 << 10

// maxID is the longest jti, in bytes, that a proof may have.
const maxID = 128

// proof is what a DPoP proof says (RFC 9449 4.2). Nothing of it is believed before its
// signature has verified.
type proof struct {
	compact    jose.Compact
	algorithm  jose.Algorithm
	key        *jose.PublicKey
	thumbprint string // of key: jkt

	id, method, uri, tokenHash, nonce string // jti, htm, htu, ath, nonce; empty when absent
	issuedAt, expiry, notBefore       instant
}

// instant is a NumericDate (RFC 7519 2) in microseconds.
type instant int64

const absent instant = math.MinInt64

func instantOf(t time.Time) instant { return instant(t.UnixMicro()) }

func (i instant) time() time.Time { return time.UnixMicro(int64(i)) }

// refuse makes the refusal of a reason.
func refuse(reason validator.Reason, format string, args ...any) *validator.Error {
	return validator.NewError(reason, fmt.Sprintf(format, args...))
}

// parse reads the one proof of a request.
func (v *Verifier) parse(values []string) (*proof, *validator.Error) {
	switch {
	case len(values) == 0:
		return nil, refuse(validator.ReasonProofMissing, "no DPoP header")
	case len(values) > 1:
		// RFC 9449 4.3, 1: which one would the next reader take?
		return nil, refuse(validator.ReasonProofSeveral, "%d DPoP headers", len(values))
	}
	raw := values[0]
	if len(raw) > MaxProofSize {
		return nil, refuse(validator.ReasonProofTooLarge, "%d bytes", len(raw))
	}
	if !jose.InAlphabet(raw) {
		if strings.Contains(raw, ",") { // what a proxy makes of two headers
			return nil, refuse(validator.ReasonProofSeveral, "a list in the DPoP header")
		}
		return nil, refuse(validator.ReasonProofMalformed, "no JWT")
	}
	compact, ok := jose.Cut(raw)
	if !ok { // RFC 9449 4.3, 2
		return nil, refuse(validator.ReasonProofMalformed, "not three parts that begin with a JWS header")
	}
	p := &proof{compact: compact, issuedAt: absent, expiry: absent, notBefore: absent}
	if e := v.readHeader(p); e != nil {
		return nil, e
	}
	return p, nil
}

var headerNames = jose.NewNames("typ", "alg", "jwk", "kid", "cty", "crit", "b64", "enc", "zip", "jku", "x5u", "x5c", "x5t")

// readHeader reads the header and the key in it. The key is that of the client's
// choice, unlike everywhere else here: what makes it good is that the token names its
// thumbprint.
func (v *Verifier) readHeader(p *proof) *validator.Error {
	o, err := jose.ReadSegment(p.compact.Header, headerNames)
	if err != nil {
		return refuse(validator.ReasonProofMalformed, "header: %v", err)
	}
	defer o.Close()
	var typ, algorithm, jwk, second, extension string
	for o.Next() {
		switch name := o.Name(); name {
		case "typ":
			typ = o.String()
		case "alg":
			algorithm = o.String()
		case "jwk":
			jwk = o.Object()
		case "jku", "x5u", "x5c", "x5t", "x5t#S256":
			second = name
		case "crit", "b64", "enc", "zip":
			extension = name
		}
	}
	switch {
	case o.Err() != nil:
		return refuse(validator.ReasonProofMalformed, "header: %v", o.Err())
	case typ != "dpop+jwt": // 4.3, 4: no other kind of JWT passes for a proof
		return refuse(validator.ReasonProofType, "typ: expected dpop+jwt, found %.100q", typ)
	case extension != "":
		// RFC 7515 4.1.11: extensions that are not understood must be refused; RFC 7797:
		// b64=false would make other bytes the signed ones.
		return refuse(validator.ReasonProofMalformed, "the header has %s", extension)
	}
	// 4.3, 5: HMAC and none have no name here, and what has none is in no set.
	a, _ := jose.ParseAlgorithm(algorithm)
	if !v.algorithms.Has(a) {
		return refuse(validator.ReasonProofAlgorithm, "alg: expected one of %v, found %.100q", v.algorithms.Names(), algorithm)
	}
	p.algorithm = a
	return p.readKey(jwk, second)
}

// readKey reads the public key (4.3, 6 and 7). A kid is only a name, and libraries add
// it. A header that names a second key (jku, x5u, x5c, x5t, x5t#S256) would be verified with
// another one by another reader; it is never followed, and there is no honest proof
// that needs it.
func (p *proof) readKey(jwk, second string) *validator.Error {
	if second != "" {
		return refuse(validator.ReasonProofKey, "the header has %s besides jwk", second)
	}
	key, err := jose.ParseJWK(jwk)
	if err != nil {
		return refuse(validator.ReasonProofKey, "jwk: %v", err)
	}
	if !key.Fits(p.algorithm) { // RFC 8725 3.1
		return refuse(validator.ReasonProofKey, "jwk: no key of %s", p.algorithm)
	}
	thumbprint := key.Thumbprint()
	p.key, p.thumbprint = key, base64.RawURLEncoding.EncodeToString(thumbprint[:])
	return nil
}

var claimNames = jose.NewNames("jti", "htm", "htu", "iat", "ath", "nonce", "exp", "nbf")

// readClaims reads the payload. That a claim is absent is for the check of it to say.
func (p *proof) readClaims() *validator.Error {
	o, err := jose.ReadSegment(p.compact.Payload, claimNames)
	if err != nil {
		return refuse(validator.ReasonProofMalformed, "claims: %v", err)
	}
	defer o.Close()
	for o.Next() {
		switch o.Name() {
		case "jti":
			p.id = o.String()
		case "htm":
			p.method = o.String()
		case "htu":
			p.uri = o.String()
		case "ath":
			p.tokenHash = o.String()
		case "nonce":
			p.nonce = o.String()
		case "iat":
			p.issuedAt = readInstant(o)
		case "exp":
			p.expiry = readInstant(o)
		case "nbf":
			p.notBefore = readInstant(o)
		}
	}
	if err := o.Err(); err != nil {
		return refuse(validator.ReasonProofMalformed, "claims: %v", err)
	}
	return nil
}

// maxInstant is the end of the year 9999, in seconds.
const maxInstant = 253402300799

// readInstant reads a NumericDate: a number of seconds, possibly with a fraction.
func readInstant(o *jose.Object) instant {
	seconds, _ := strconv.ParseFloat(o.Number(), 64) // what is out of its range is infinite
	if seconds < 0 || seconds > maxInstant {
		o.Refuse()
		return absent
	}
	return instant(math.Floor(seconds * 1e6))
}

// verify checks the signature (4.3, 6), with the key in the header and no other.
func (p *proof) verify() error {
	var space [512]byte // no common signature is longer
	signature, err := jose.AppendSegment(space[:0], p.compact.Signature)
	if err != nil {
		return err
	}
	if p.key.Verify(p.algorithm, p.compact.Signed, signature) != nil {
		return errors.New("it does not verify")
	}
	return nil
}
