package dpop

import (
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
	*header
	compact jose.Compact

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
	h, e := v.headers.read(compact.Header, v.algorithms)
	if e != nil {
		return nil, e
	}
	return &proof{header: h, compact: compact, issuedAt: absent, expiry: absent, notBefore: absent}, nil
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
