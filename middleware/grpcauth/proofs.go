package grpcauth

import (
	"context"
	"crypto/x509"
	"net/http"
	"slices"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
)

// The metadata that proofs and nonces are in (RFC 9449 4.1 and 8): the header names of
// HTTP, in lower case as gRPC has them.
const (
	proofName = "dpop"
	nonceName = "dpop-nonce"
)

// proofs are the ways in which the caller may prove a key; none where none is
// configured, so that bound tokens are refused.
func (g *Guard) proofs(ctx context.Context, fullMethod string, scheme validator.Scheme) []validator.Proof {
	list := slices.Clip(g.others)
	if g.dpop != nil {
		// A call is a POST to its full method, in every transport of gRPC.
		list = append(list, g.dpop.Proof(dpop.Request{
			Method: http.MethodPost, URL: fullMethod, Proofs: metadata.ValueFromIncomingContext(ctx, proofName), Scheme: scheme,
		}))
	}
	if g.mutualTLS {
		list = append(list, mtls.Certificate(certificate(ctx)))
	}
	return list
}

// certificate is the one whose key the caller's end of the connection holds; nil if it
// is not known to hold one.
func certificate(ctx context.Context) *x509.Certificate {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	connection, ok := caller.AuthInfo.(credentials.TLSInfo)
	// Before the handshake is complete, what arrives may be somebody's recording of it:
	// early data (RFC 8446 8).
	if !ok || !connection.State.HandshakeComplete || len(connection.State.PeerCertificates) == 0 {
		return nil
	}
	return connection.State.PeerCertificates[0] // the client's own; the others are its authorities (RFC 8446 4.4.2)
}

// nonce is the header with a nonce for the next proof of the token's holder (RFC 9449
// 8.2); nil: there is none.
func (g *Guard) nonce(token *validator.Token) metadata.MD {
	if g.dpop == nil {
		return nil
	}
	nonce := g.dpop.Nonce(token)
	if nonce == "" {
		return nil
	}
	return metadata.MD{nonceName: {nonce}}
}

// schemeOf is how a token that was accepted had been presented: a bound one passes as
// DPoP alone (RFC 9449 7.2).
func schemeOf(token *validator.Token) validator.Scheme {
	if token.Confirmation().JKT != "" {
		return validator.SchemeDPoP
	}
	return validator.SchemeBearer
}

// algorithms are what proofs may be signed with; nil without DPoP.
func (c *Config) algorithms() []string {
	if c.DPoP == nil {
		return nil
	}
	return c.DPoP.Algorithms()
}
