package grpcauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
)

// certificate proves the key of the client certificate of the TLS connection (RFC
// 8705 3).
type certificate struct{}

func (certificate) Confirm(ctx context.Context, _ string, _ *validator.Token) (validator.Confirmation, error) {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return validator.Confirmation{}, nil
	}
	info, ok := caller.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return validator.Confirmation{}, nil
	}
	return validator.Confirmation{X5TS256: thumbprint(info.State.PeerCertificates[0].Raw)}, nil
}

func thumbprint(der []byte) string {
	digest := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// Tokens that are bound to the client's certificate: the proof reads it from the
// connection that the call came by.
func ExampleConfig_proofs() {
	as, v := startOrders()
	defer as.Close()
	guard, err := grpcauth.New(v, grpcauth.Config{
		Methods: map[string]validator.Policy{"/orders.v1.Orders/Get": {Scopes: []string{"orders.read"}}},
		Proofs:  []validator.Proof{certificate{}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(guard.Audit(nil)[0].Policy)
	// Output: scopes orders.read
}
