package mtls

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/bearerguard/bearerguard/validator"
)

// maxHeader is the longest Client-Cert that is read, in bytes. Certificates have 1
// to 2 kB; proxies that pass them on end at 8 to 16 kB.
const maxHeader = 32 << 10

// clientCert are the values of the Client-Cert header in a request of a declared
// proxy. Client-Cert-Chain is not looked at: what signed the certificate does not
// matter here.
type clientCert []string

// Confirm implements validator.Proof.
func (values clientCert) Confirm(_ context.Context, _ string, t *validator.Token) (validator.Confirmation, error) {
	if !bound(t) || len(values) == 0 {
		return validator.Confirmation{}, nil
	}
	der, err := values.der()
	if err != nil {
		return validator.Confirmation{}, validator.NewError(validator.ReasonProofInvalid, "Client-Cert: "+err.Error())
	}
	return confirmation(der), nil
}

// der is the one certificate of the header. The proxy writes the header and not the
// client, so what is not exactly of the form is a mistake in its configuration, or
// somebody's header that it let pass: never read as well as it goes.
func (values clientCert) der() ([]byte, error) {
	if len(values) != 1 { // a singleton field (RFC 9440 2.2): which is the proxy's?
		return nil, fmt.Errorf("%d of them, expected one", len(values))
	}
	value := values[0]
	if len(value) > maxHeader {
		return nil, fmt.Errorf("%d bytes, expected at most %d", len(value), maxHeader)
	}
	// A Byte Sequence (RFC 8941 3.3.5), without parameters: none is defined. A list has
	// commas and colons within, which are not in the alphabet.
	text, opened := strings.CutPrefix(value, ":")
	text, closed := strings.CutSuffix(text, ":")
	der, _ := base64.StdEncoding.DecodeString(text)
	// Encoded again it must be the same: Go's base64 stops at what is none, skips line
	// breaks and leaves trailing bits alone.
	if !opened || !closed || base64.StdEncoding.EncodeToString(der) != text {
		return nil, errors.New("expected the base64 of a certificate between colons (RFC 9440 2.1)")
	}
	// One certificate and nothing behind it: not a chain, nor PEM in base64.
	if _, err := x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("expected one certificate in DER: %.100q", err.Error())
	}
	return der, nil
}
