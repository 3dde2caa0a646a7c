package grpcauth

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/internal/reply"
	"github.com/bearerguard/bearerguard/validator"
)

// Config is what a Guard needs besides a Validator. New copies and checks it whole.
type Config struct {
	// Methods are the calls that need a token, by full method
	// ("/orders.v1.Orders/List", as the FullMethodName constants of generated code
	// have it), and what the token must permit.
	Methods map[string]validator.Policy
	// Public are the full methods that everybody may call: health checks and
	// reflection too only if they stand here. Metadata is not looked at. What is
	// neither here nor in Methods is refused.
	Public []string

	// DPoP verifies proofs of possession of a key (RFC 9449), in the metadata dpop. They
	// are for the method POST and the path of the call, which is its full method, at the
	// one origin that the Verifier must have. Default: none, the scheme DPoP is not
	// accepted, and tokens that are bound to such a key are refused.
	DPoP *dpop.Verifier
	// MutualTLS accepts tokens that are bound to the client's certificate of the call's
	// own TLS connection (RFC 8705). The server must ask for one: tls.Config.ClientAuth.
	// Default: they are refused.
	MutualTLS bool
	// Proofs are other ways in which a caller may prove the key that its token is bound
	// to, beside those. They find the connection by peer.FromContext, and the metadata by
	// metadata.FromIncomingContext. Default: none.
	Proofs []validator.Proof
	// StreamsOutliveTokens lets a stream go on when its token is no longer good.
	// Default: it ends then.
	StreamsOutliveTokens bool

	// Realm is the realm of the challenges (RFC 9110 11.5). Default: none.
	// Printable ASCII only.
	Realm string
	// ResourceMetadata is the https address of this API's description (RFC 9728),
	// which challenges name. It is served over HTTP: see
	// middleware.Guard.ResourceMetadata. Default: none.
	ResourceMetadata string
}

// Guard decides on gRPC calls. It is immutable and safe for concurrent use.
type Guard struct {
	validator  *validator.Validator
	methods    map[string]*validator.Policy // nil: public
	unlisted   *validator.Policy
	dpop       *dpop.Verifier // nil: none
	mutualTLS  bool
	others     []validator.Proof // other proofs
	outlive    bool
	challenges reply.Challenges
}

// New returns a Guard around v. The error joins a *validator.ConfigError for every
// mistake: a name that no method can have, one that is listed twice, a policy that
// v cannot evaluate (Validator.CheckPolicy).
func New(v *validator.Validator, config Config) (*Guard, error) {
	if err := config.check(v); err != nil {
		return nil, err
	}
	return &Guard{
		validator:  v,
		methods:    config.methods(),
		unlisted:   &validator.Policy{AnyTrustedIssuer: true, Permit: permitNothing},
		dpop:       config.DPoP,
		mutualTLS:  config.MutualTLS,
		others:     slices.Clone(config.Proofs),
		outlive:    config.StreamsOutliveTokens,
		challenges: reply.Challenges{Realm: config.Realm, ResourceMetadata: config.ResourceMetadata, DPoP: config.algorithms()},
	}, nil
}

// ServerOptions puts the Guard in front of everything that a server serves:
//
//	server := grpc.NewServer(guard.ServerOptions()...)
//
// It is Unary and Stream, and an UnknownServiceHandler: grpc would otherwise tell
// everybody, before any interceptor, which methods there are. Other interceptors go
// outside of the Guard if their options come before it, and inside if after.
func (g *Guard) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(g.Unary),
		grpc.ChainStreamInterceptor(g.Stream),
		grpc.UnknownServiceHandler(unimplemented),
	}
}

// unimplemented is what grpc says of itself. Who gets here was let through.
func unimplemented(any, grpc.ServerStream) error {
	return status.Error(codes.Unimplemented, "the method is not served")
}

// Unary is a grpc.UnaryServerInterceptor. Inside, validator.FromContext returns the
// token.
func (g *Guard) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	token, refused := g.admit(ctx, info.FullMethod)
	switch {
	case refused != nil:
		_ = grpc.SetTrailer(ctx, refused.trailer) // fails where there is no connection
		return nil, refused
	case token == nil:
		return handler(ctx, request)
	}
	if nonce := g.nonce(token); nonce != nil {
		_ = grpc.SetHeader(ctx, nonce)
	}
	return handler(validator.NewContext(ctx, token), request)
}

// admit decides on a call. There is neither token nor refusal where the method is
// public.
func (g *Guard) admit(ctx context.Context, fullMethod string) (*validator.Token, *refusal) {
	policy, listed := g.methods[fullMethod]
	switch {
	case !listed:
		// A policy that permits nothing is what "deny by default" is, and makes this a
		// decision like any other: the observer hears of it once.
		policy = g.unlisted
	case policy == nil:
		return nil, nil
	}
	token, err := g.authenticate(ctx, fullMethod, policy)
	if err != nil {
		return nil, g.refuse(err)
	}
	return token, nil
}

func (g *Guard) authenticate(ctx context.Context, fullMethod string, policy *validator.Policy) (*validator.Token, error) {
	p, err := g.presented(ctx)
	if err != nil {
		return nil, g.validator.Refused(ctx, err)
	}
	token, err := g.validator.ValidateWith(ctx, p.token, validator.Requirements{Policy: policy, Proofs: g.proofs(ctx, fullMethod, p.scheme)})
	if err != nil {
		return nil, reply.PresentedAs(p.scheme, err)
	}
	return token, nil
}

func permitNothing(context.Context, *validator.Token) error {
	return validator.NewError(validator.ReasonRouteUnknown, "")
}

// check reports every mistake.
func (c *Config) check(v *validator.Validator) error {
	var mistakes []error
	add := func(field, problem string) {
		mistakes = append(mistakes, &validator.ConfigError{Field: field, Problem: problem})
	}
	if v == nil {
		add("Validator", "is required")
	}
	if c.DPoP != nil && len(c.DPoP.Origins()) != 1 {
		add("DPoP", "must have one origin: a call says only its path, and every proof would be refused")
	}
	for i, proof := range c.Proofs {
		if proof == nil {
			add(fmt.Sprintf("Proofs[%d]", i), "is nil: it would refuse every call")
		}
	}
	if !reply.Printable(c.Realm) {
		add("Realm", "must be printable ASCII")
	}
	if problem := addressProblem(c.ResourceMetadata); problem != "" {
		add("ResourceMetadata", problem)
	}
	return errors.Join(append(mistakes, c.checkMethods(v)...)...)
}
