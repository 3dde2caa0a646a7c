package validator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/introspect"
)

// signedAnswer is a signed introspection answer (RFC 9701 5), not yet believed.
type signedAnswer struct {
	issuer           string
	audience         []string
	issuedAt, expiry numericDate
	answer           string // token_introspection
}

// signedAnswerNames are the names that nothing else in it may resemble.
var signedAnswerNames = jose.NewNames("iss", "aud", "iat", "exp", "token_introspection")

// answerSkew is how much older than the question an answer may say it is, beside
// the leeway: iat has whole seconds.
const answerSkew = 2 * time.Second

// verifyAnswer verifies a signed answer and returns its token_introspection: it is
// an answer (typ), of this issuer (iss, by its keys), for us (aud) and to this
// question (iat). RFC 9701 5, RFC 8725 3.11 and 3.12.
func (v *Validator) verifyAnswer(ctx context.Context, is *issuer, text string, audiences []string, sent time.Time) (string, error) {
	text = strings.TrimSpace(text)
	compact, ok := jose.Cut(text)
	if !ok || !jose.InAlphabet(text) {
		return "", errors.New("a signed answer was asked for, and this is none")
	}
	header, err := jose.ParseHeader(compact.Header)
	if err != nil {
		return "", fmt.Errorf("signed answer: header: %w", err)
	}
	if normalType(header.Type) != "token-introspection+jwt" {
		return "", errors.New("signed answer: typ is not token-introspection+jwt")
	}
	c := &candidate{issuer: is, header: header}
	if f := algorithmAllowed(c); f != nil {
		return "", fmt.Errorf("signed answer: alg %.20q is not allowed", header.Alg)
	}
	signed, err := readSignedAnswer(compact.Payload)
	if err != nil {
		return "", fmt.Errorf("signed answer: %w", err)
	}
	if err := signed.fits(is, audiences, sent, v); err != nil {
		return "", fmt.Errorf("signed answer: %w", err)
	}
	if _, e := c.verify(ctx, compact); e != nil {
		if e.Class == ErrUnavailable {
			return "", &introspect.Error{Kind: introspect.Unavailable, RetryAfter: e.RetryAfter, Detail: "the keys for a signed answer: " + e.Detail}
		}
		return "", fmt.Errorf("signed answer: %s", e.Reason)
	}
	return signed.answer, nil
}

func readSignedAnswer(payload string) (signedAnswer, error) {
	a := signedAnswer{issuedAt: absent, expiry: absent}
	o, err := jose.ReadSegment(payload, signedAnswerNames)
	if err != nil {
		return a, err
	}
	defer o.Close()
	for o.Next() {
		var f *failure
		switch o.Name() {
		case "iss":
			a.issuer = o.String()
		case "aud":
			a.audience = stringOrList(o)
		case "iat":
			f = readDate(o, &a.issuedAt, true)
		case "exp":
			f = readDate(o, &a.expiry, false)
		case "token_introspection":
			a.answer = o.Object()
		}
		if f != nil {
			return a, errors.New("a date is none")
		}
	}
	return a, o.Err()
}

func (a *signedAnswer) fits(is *issuer, audiences []string, sent time.Time, v *Validator) error {
	now, early := dateOf(v.clock()), dateOf(sent).plus(-v.leeway-answerSkew)
	switch {
	case a.issuer != is.url:
		return errors.New("iss is another issuer")
	case !slices.ContainsFunc(audiences, func(ours string) bool { return slices.Contains(a.audience, ours) }):
		return fmt.Errorf("aud names none of %.200q", audiences)
	case a.issuedAt == absent || a.issuedAt < early || a.issuedAt > now.plus(v.leeway+answerSkew):
		return errors.New("iat is missing, older than the question, or to come") // an old answer, sent again
	case a.expiry != absent && now >= a.expiry.plus(v.leeway):
		return errors.New("it has expired")
	case a.answer == "":
		return errors.New("it has no token_introspection")
	}
	return nil
}
