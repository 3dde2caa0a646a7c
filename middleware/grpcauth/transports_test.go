package grpcauth_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerguard/bearerguard/internal/transports"
	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
)

// TestTransports: the requests that every transport is held to.
func TestTransports(t *testing.T) {
	for kind, way := range kinds {
		t.Run(kind, func(t *testing.T) {
			transport := func(t *testing.T, v *validator.Validator, policy validator.Policy) transports.Ask {
				g := newGuard(t, v, grpcauth.Config{Methods: map[string]validator.Policy{way.method: policy}, Realm: transports.Realm})
				client := serve(t, orders{}, g.ServerOptions()...)
				return func(t *testing.T, authorization []string) transports.Answer {
					ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": authorization})
					subject, trailer, err := way.do(ctx, client, way.method)
					answer := transports.Answer{Status: statuses[status.Code(err)], Subject: subject}
					if challenges := trailer["www-authenticate"]; len(challenges) > 0 {
						assert.Len(t, challenges, 1)
						answer.Challenge = challenges[0]
					}
					for _, detail := range status.Convert(err).Details() {
						_, retry := detail.(*errdetails.RetryInfo)
						answer.Retry = answer.Retry || retry
					}
					return answer
				}
			}
			transports.Test(t, transport)
			t.Run("corpus", func(t *testing.T) { transports.TestCorpus(t, transport) })
		})
	}
}
