package main

import "crypto/tls"

// checkTLS reads the certificate once, so that a wrong path is found at start.
func (c *config) checkTLS() {
	if c.TLS != nil {
		_, err := c.pair()
		c.found("tls.cert_file", err)
	}
	if c.asks() && c.TLS == nil {
		c.fault("client_certificate.request", "needs tls: a client shows its certificate to whoever ends TLS")
	}
}

func (c *config) pair() (*tls.Certificate, error) {
	return readPair(c.resolve(c.TLS.CertFile), c.resolve(c.TLS.KeyFile))
}

// asks reports whether clients are asked for certificates.
func (c *config) asks() bool { return c.ClientCertificate != nil && c.ClientCertificate.Request }

// tls is how the gateway serves; nil: plain HTTP. The certificate is read for every
// handshake, so that it can be rotated. A client may have no certificate: which one a
// request needs, its token says.
func (c *config) tls() *tls.Config {
	if c.TLS == nil {
		return nil
	}
	secure := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair() }}
	if c.asks() {
		secure.ClientAuth = tls.RequestClientCert
	}
	return secure
}
