package grpcauth_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestUnlisted: what is not listed is refused, whether the server has it or not, and
// nobody can tell the two apart, or from what is listed.
func TestUnlisted(t *testing.T) {
	s, v, h := newValidator(t, nil)
	client := serve(t, orders{
		unary:  func(context.Context, string) (string, error) { panic("reached") },
		stream: func(grpc.ServerStream) error { panic("reached") },
	}, newGuard(t, v, listed()).ServerOptions()...)
	old := s.AccessToken(validatortest.Audience("x"))
	for kind, way := range kinds {
		for _, method := range []string{
			way.unlisted, "/orders.v1.Orders/Nothing", "/nobody.v1.Nothing/Get",
			"//orders.v1.Orders/Get", "/orders.v1.Orders//Get", "/orders.v1.Orders/Get/", "/orders.v1.Orders/get", "/Orders.v1.orders/Get",
			"/orders.v1.Orders/Get?x", "/orders.v1.Orders/%47et", "/./orders.v1.Orders/Get", "/x/../orders.v1.Orders/Get", "/orders.v1.Orders/",
			healthpb.Health_Check_FullMethodName, reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName,
		} {
			t.Run(kind+" "+method, func(t *testing.T) {
				h.take()
				_, trailer, err := way.do(t.Context(), client, method)
				answered(t, err, trailer, codes.Unauthenticated, "an access token is required", bare)
				_, trailer, err = way.do(bearer(t.Context(), old), client, method)
				answered(t, err, trailer, codes.Unauthenticated, "The access token is invalid", invalid)
				_, trailer, err = way.do(bearer(t.Context(), s.AccessToken()), client, method)
				answered(t, err, trailer, codes.PermissionDenied, "The access token does not permit this request", denied)
				assert.Equal(t, []validator.Reason{validator.ReasonNoToken, validator.ReasonAudienceMismatch, validator.ReasonRouteUnknown}, h.take())
			})
		}
	}
}

// TestNameWithoutSlash: a name without a slash in front, which servers have been known
// to serve as the same method, is another one for us.
func TestNameWithoutSlash(t *testing.T) {
	s, v, h := newValidator(t, nil)
	config := listed()
	config.Public = []string{drop, follow}
	g := newGuard(t, v, config)
	for _, raw := range []string{"", s.AccessToken()} {
		ctx := t.Context()
		if raw != "" {
			ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer "+raw))
		}
		for _, name := range []string{get[1:], drop[1:], follow[1:], ""} {
			want, reason := codes.Unauthenticated, validator.ReasonNoToken
			if raw != "" {
				want, reason = codes.PermissionDenied, validator.ReasonRouteUnknown
			}
			_, err := g.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: name}, nil)
			assert.Equal(t, want, status.Code(err), name)
			err = g.Stream(nil, &lone{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: name}, nil)
			assert.Equal(t, want, status.Code(err), name)
			assert.Equal(t, []validator.Reason{reason, reason}, h.take())
		}
	}
}

// TestProducts: two API products of two issuers, which call everything alike. A token
// of one opens nothing of the other, and what is listed for nobody nothing at all.
func TestProducts(t *testing.T) {
	h := new(heard)
	var servers []*validatortest.Server
	var issuers []validator.Issuer
	for _, name := range []string{"orders", "billing"} {
		s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256", Audience: "api://" + name})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		servers = append(servers, s)
		issuers = append(issuers, validator.Issuer{Name: name, URL: s.Issuer(), Audiences: []string{"api://" + name}, AnyClient: true})
	}
	v, err := validator.New(validator.Config{Issuers: issuers, InsecureAllowHTTP: true, Observer: validator.Observer{Decision: h.decision}})
	require.NoError(t, err)
	_, err = grpcauth.New(v, listed())
	require.Error(t, err, "whose scope?")
	assert.Equal(t, []string{`Methods["/orders.v1.Orders/Chat"]`, `Methods["/orders.v1.Orders/Get"]`}, fields(t, err))

	config := listed()
	for name, policy := range config.Methods {
		policy.Issuers = []string{"orders"}
		config.Methods[name] = policy
	}
	client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
	own, foreign := servers[0].AccessToken(), servers[1].AccessToken()
	for kind, way := range kinds {
		for _, tc := range []struct {
			method, raw string
			reason      validator.Reason
		}{
			{way.method, own, "accepted"},
			{way.method, foreign, validator.ReasonIssuerNotAllowed},
			{way.unlisted, own, validator.ReasonRouteUnknown},
			{way.unlisted, foreign, validator.ReasonRouteUnknown},
		} {
			t.Run(kind+" "+string(tc.reason), func(t *testing.T) {
				h.take()
				_, trailer, err := way.do(bearer(t.Context(), tc.raw), client, tc.method)
				assert.Equal(t, []validator.Reason{tc.reason}, h.take())
				if tc.reason == "accepted" {
					require.NoError(t, err)
					return
				}
				answered(t, err, trailer, codes.PermissionDenied, "The access token does not permit this request", denied)
			})
		}
	}
}

// TestListedButNotServed: who may call it learns that it is not there.
func TestListedButNotServed(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	const missing, open = "/orders.v1.Orders/Missing", "/orders.v1.Orders/Open"
	config := listed()
	config.Methods[missing], config.Public = scoped("read"), []string{open}
	client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
	for kind, way := range kinds {
		t.Run(kind, func(t *testing.T) {
			_, trailer, err := way.do(t.Context(), client, missing)
			answered(t, err, trailer, codes.Unauthenticated, "an access token is required", bare)
			_, trailer, err = way.do(bearer(t.Context(), s.AccessToken()), client, missing)
			answered(t, err, trailer, codes.Unimplemented, "the method is not served", "")
			_, trailer, err = way.do(t.Context(), client, open)
			answered(t, err, trailer, codes.Unimplemented, "the method is not served", "")
		})
	}
}

// TestPublic: health and reflection answer everybody if they are listed, and nobody
// if not. Their metadata is not looked at, and no decision is made.
func TestPublic(t *testing.T) {
	_, v, h := newValidator(t, nil)
	config := listed()
	config.Public = []string{
		healthpb.Health_Check_FullMethodName,
		reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName,
	}
	server := grpc.NewServer(newGuard(t, v, config).ServerOptions()...)
	healthpb.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	client := dial(t, listen(t, server))
	for _, ctx := range []context.Context{t.Context(), with(t.Context(), "authorization", "Bearer junk", "authorization", "x")} {
		answer, err := healthpb.NewHealthClient(client).Check(ctx, new(healthpb.HealthCheckRequest))
		require.NoError(t, err)
		assert.Equal(t, healthpb.HealthCheckResponse_SERVING, answer.GetStatus())
		assert.Equal(t, []string{"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}, reflected(t, ctx, client))
		assert.Empty(t, h.take())
		_, err = healthpb.NewHealthClient(client).List(t.Context(), new(healthpb.HealthListRequest))
		assert.Equal(t, codes.Unauthenticated, status.Code(err), "it is not listed")
		watch, err := healthpb.NewHealthClient(client).Watch(t.Context(), new(healthpb.HealthCheckRequest))
		require.NoError(t, err)
		_, err = watch.Recv()
		assert.Equal(t, codes.Unauthenticated, status.Code(err), "it is not listed")
		assert.Equal(t, []validator.Reason{validator.ReasonNoToken, validator.ReasonNoToken}, h.take())
	}
}

// reflected are the services that reflection names.
func reflected(t *testing.T, ctx context.Context, client *grpc.ClientConn) (names []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := reflectionpb.NewServerReflectionClient(client).ServerReflectionInfo(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}))
	answer, err := stream.Recv()
	require.NoError(t, err)
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	return names
}

// TestPublicContext: a public handler finds no token, and its stream is grpc's own.
func TestPublicContext(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	config := grpcauth.Config{Public: []string{get, chat}}
	client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
	for kind, way := range kinds {
		t.Run(kind, func(t *testing.T) {
			answer, _, err := way.do(bearer(t.Context(), s.AccessToken()), client, way.method)
			require.NoError(t, err)
			assert.Equal(t, "nobody", answer)
		})
	}
}

// TestAudit: what is served, what is listed, and where the two differ.
func TestAudit(t *testing.T) {
	_, v, _ := newValidator(t, nil)
	config := listed()
	config.Methods["/orders.v1.Orders/Gte"] = validator.Policy{AnyToken: true}
	config.Public = []string{healthpb.Health_Check_FullMethodName, "/grpc.health.v1.Health/Chekc"}
	server := grpc.NewServer()
	defer server.Stop()
	orders{}.register(server)
	healthpb.RegisterHealthServer(server, health.NewServer())
	g := newGuard(t, v, config)
	var lines []string
	for _, method := range g.Audit(server.GetServiceInfo()) {
		lines = append(lines, method.String())
	}
	assert.Equal(t, []string{
		"public     /grpc.health.v1.Health/Check",
		"public     /grpc.health.v1.Health/Chekc              NOT SERVED",
		"refused    /grpc.health.v1.Health/List",
		"refused    /grpc.health.v1.Health/Watch",
		"protected  /orders.v1.Orders/Chat                    scopes read",
		"refused    /orders.v1.Orders/Drop",
		"refused    /orders.v1.Orders/Follow",
		"protected  /orders.v1.Orders/Get                     scopes read",
		"protected  /orders.v1.Orders/Gte                     any token; NOT SERVED",
	}, lines)
	assert.Equal(t, grpcauth.Method{Name: get, Access: grpcauth.AccessProtected, Policy: "scopes read", Served: true}, g.Audit(server.GetServiceInfo())[7])
	assert.Len(t, g.Audit(nil), 5)
}
