// Package mtls shows which client certificate a request came with, for access
// tokens that are bound to one (RFC 8705 3): the TLS connection's own, or the one
// that a declared proxy passes on (RFC 9440).
//
//	verifier, err := mtls.New(mtls.Config{})
//	...
//	guard, err := middleware.New(v, middleware.Config{MutualTLS: verifier})
//
// The server must ask for certificates, or there are none: tls.Config.ClientAuth is
// tls.RequestClientCert where some clients have none, tls.RequireAnyClientCert where
// each must have one, or a stricter one with ClientCAs.
//
// # What is proven
//
// A certificate is public: showing it proves nothing. What proves that the client
// holds its key is the handshake of TLS, which fails without the key, whatever
// ClientAuth is, and which a resumed session carries on (RFC 8446 2.2).
//
// Beyond that a certificate is only compared with the thumbprint in the token,
// x5t#S256. Who signed it, whether it expired or was revoked, and whom it names is
// not looked at: self-signed ones are as good as others, because the authorization
// server knew the client when it put the thumbprint into the token (RFC 8705 3 and
// 6.2). Who wants more asks TLS for it, with ClientAuth and ClientCAs.
//
// For other transports, [Certificate] is a [validator.Proof] of the one they know.
//
// A token that is bound to no certificate needs none, and then none is looked at,
// however malformed.
package mtls

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"

	"github.com/bearerguard/bearerguard/internal/peers"
	"github.com/bearerguard/bearerguard/validator"
)

// Verifier finds the certificates of HTTP requests. It is immutable and safe for
// concurrent use.
type Verifier struct{ proxies peers.Set }

// Request returns what proves the client's certificate: from a declared proxy the
// Client-Cert header, and from everybody else the connection's own certificate. It
// must be called before anything changes r.RemoteAddr.
func (v *Verifier) Request(r *http.Request) validator.Proof {
	switch v.proxies.Of(r.RemoteAddr) {
	case peers.Declared:
		// The connection's certificate, if there is one, is the proxy's and not the
		// client's, so without a header nothing is proven.
		return clientCert(r.Header["Client-Cert"])
	case peers.Unknown: // whose certificate is it?
		return Certificate(nil)
	}
	// A Client-Cert header of somebody who is no proxy is his own invention (RFC 9440
	// 4): it proves nothing, and hides nothing either.
	return Certificate(shown(r.TLS))
}

// shown is the certificate whose key the other end of a connection holds; nil if it
// is not known to hold one. In a resumed session it is that of the first handshake,
// whose keys only its two ends have (RFC 8446 2.2, RFC 5246 F.1.4).
func shown(connection *tls.ConnectionState) *x509.Certificate {
	// Before the handshake is complete, what arrives may be somebody's recording of
	// it: early data (RFC 8446 8).
	if connection == nil || !connection.HandshakeComplete || len(connection.PeerCertificates) == 0 {
		return nil
	}
	return connection.PeerCertificates[0] // the client's own; the others are its authorities (RFC 8446 4.4.2)
}

// Certificate returns the proof of a certificate whose key the sender has shown to
// hold, for other transports than HTTP: PeerCertificates[0] of a connection whose
// handshake is complete. A nil one proves nothing.
func Certificate(c *x509.Certificate) validator.Proof { return (*certificate)(c) }

type certificate x509.Certificate

// Confirm implements validator.Proof.
func (c *certificate) Confirm(_ context.Context, _ string, t *validator.Token) (validator.Confirmation, error) {
	if !bound(t) || c == nil || len(c.Raw) == 0 { // no Raw: it was parsed from nothing
		return validator.Confirmation{}, nil
	}
	return confirmation(c.Raw), nil
}

// bound reports whether the token asks for a certificate. If it does not, none is
// worth the work.
func bound(t *validator.Token) bool { return t.Confirmation().X5TS256 != "" }

// confirmation is that of a certificate in DER (RFC 8705 3.1).
func confirmation(der []byte) validator.Confirmation {
	sum := sha256.Sum256(der)
	return validator.Confirmation{X5TS256: base64.RawURLEncoding.EncodeToString(sum[:])}
}
