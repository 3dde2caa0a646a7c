package grpcauth_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log"
	"net/http"
	"net/netip"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// Tokens that are bound to a key: with DPoP a client sends a proof with each call, and
// with mutual TLS the connection is the proof. Neither passes without.
func ExampleConfig_bound() {
	as, v := startOrders()
	defer as.Close()

	proofs, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}}) // as clients address this API
	if err != nil {
		log.Fatal(err)
	}
	guard, err := grpcauth.New(v, grpcauth.Config{
		Methods:   map[string]validator.Policy{"/orders.v1.Orders/Get": {Scopes: []string{"orders.read"}}},
		DPoP:      proofs,
		MutualTLS: true, // with tls.Config.ClientAuth: tls.RequestClientCert
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	orders{}.register(server)
	client, stop := start(server)
	defer stop()

	key := dpoptest.NewKey("ES256") // the client's
	token := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"), key.Bind())
	call := func(authorization, proof string) {
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", authorization, "dpop", proof)
		err := client.Invoke(ctx, "/orders.v1.Orders/Get", wrapperspb.String("7"), new(wrapperspb.StringValue))
		fmt.Printf("%v %q\n", status.Code(err), status.Convert(err).Message())
	}
	proof := key.Proof("POST", "https://api.example.com/orders.v1.Orders/Get", token)
	call("DPoP "+token, proof)
	call("DPoP "+token, proof) // again
	call("Bearer "+token, key.Proof("POST", "https://api.example.com/orders.v1.Orders/Get", token))
	// Output:
	// OK ""
	// Unauthenticated "The DPoP proof is invalid"
	// Unauthenticated "The access token is invalid"
}

// behindProxy proves the certificate that a declared proxy passes on in the metadata
// client-cert (RFC 9440).
type behindProxy struct{ certificates *mtls.Verifier }

func (p behindProxy) Confirm(ctx context.Context, rawToken string, t *validator.Token) (validator.Confirmation, error) {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return validator.Confirmation{}, nil // nothing is proven
	}
	return p.certificates.Request(&http.Request{
		RemoteAddr: caller.Addr.String(),
		Header:     http.Header{"Client-Cert": metadata.ValueFromIncomingContext(ctx, "client-cert")},
	}).Confirm(ctx, rawToken, t)
}

// A proof of your own finds the connection and the metadata in the context: here, of a
// proxy that ends TLS in front of this server.
func ExampleConfig_proofs() {
	as, v := startOrders()
	defer as.Close()
	certificates, err := mtls.New(mtls.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := grpcauth.New(v, grpcauth.Config{
		Methods: map[string]validator.Policy{"/orders.v1.Orders/Get": {Scopes: []string{"orders.read"}}},
		Proofs:  []validator.Proof{behindProxy{certificates}},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	orders{}.register(server)
	client, stop := start(server)
	defer stop()

	certificate, err := newCertificate() // the client's
	if err != nil {
		log.Fatal(err)
	}
	der := certificate.Certificate[0]
	token := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"),
		validatortest.Claim("cnf", map[string]any{"x5t#S256": thumbprint(der)}))
	for _, passed := range [][]string{{"client-cert", ":" + base64.StdEncoding.EncodeToString(der) + ":"}, nil} {
		ctx := metadata.AppendToOutgoingContext(context.Background(), append([]string{"authorization", "Bearer " + token}, passed...)...)
		err := client.Invoke(ctx, "/orders.v1.Orders/Get", wrapperspb.String("7"), new(wrapperspb.StringValue))
		fmt.Println(status.Code(err))
	}
	// Output:
	// OK
	// Unauthenticated
}
