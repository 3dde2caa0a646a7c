package mtls

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bearerguard/bearerguard/internal/peers"
	"github.com/bearerguard/bearerguard/validator"
)

// Config is what a Verifier believes beyond TLS. The zero value is nothing: only the
// connection's own certificate counts.
type Config struct {
	// TrustedProxies are the addresses of the proxies that end TLS in front of this
	// server and say in the Client-Cert header which certificate the client showed
	// them (RFC 9440). Each must remove that header from what clients send. Whoever can
	// connect from one of these addresses can show any certificate, so list the
	// proxies, and no network that others are in. What they connect with is not a
	// client's certificate any more, header or not. Default: none.
	//
	// They are compared with http.Request.RemoteAddr as the server set it. A middleware
	// that changes it goes inside of this one: where it holds no address and port, it
	// cannot be told who sent the request, and no certificate counts.
	TrustedProxies []netip.Prefix
}

// New returns a Verifier. The error joins a *validator.ConfigError for every mistake.
func New(config Config) (*Verifier, error) {
	var mistakes []error
	own := peers.Set(slices.Clone(config.TrustedProxies))
	own.Check(func(i int, problem string) {
		mistakes = append(mistakes, &validator.ConfigError{Field: fmt.Sprintf("TrustedProxies[%d]", i), Problem: problem})
	})
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return &Verifier{own}, nil
}
