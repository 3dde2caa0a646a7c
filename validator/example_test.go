package validator_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// exampleServer starts an authorization server for an example.
func exampleServer(o validatortest.Options) *validatortest.Server {
	as, err := validatortest.Start(o)
	if err != nil {
		log.Fatal(err)
	}
	return as
}

// exampleValidator makes a validator for one authorization server, on loopback.
func exampleValidator(as *validatortest.Server, config validator.Config) *validator.Validator {
	config.InsecureAllowHTTP = true
	if config.Issuers == nil {
		config.Issuers = []validator.Issuer{{
			URL:       as.Issuer(),
			Audiences: []string{"api://orders"},
			ClientIDs: []string{"orders-app"},
			Profile:   validator.RFC9068(),
		}}
	}
	v, err := validator.New(config)
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func Example() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	ctx := context.Background()
	rawToken := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"))

	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL:       as.Issuer(),
			Audiences: []string{"api://orders"},
			ClientIDs: []string{"orders-app"},
			Profile:   validator.RFC9068(),
		}},
		InsecureAllowHTTP: true, // for a server on loopback
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := v.Validate(ctx, rawToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.ClientID(), token.Subject(), token.Scopes())
	fmt.Println(token) // never prints itself
	// Output:
	// orders-app user [orders.read]
	// [access token]
}

// Classes say what to do, reasons say why.
func ExampleError() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	ctx := context.Background()
	rawToken := as.AccessToken(validatortest.Expiry(time.Now().Add(-time.Hour)))

	token, err := v.Validate(ctx, rawToken)
	var refusal *validator.Error
	switch {
	case err == nil:
		fmt.Println("welcome", token.Subject())
	case errors.Is(err, validator.ErrUnavailable) && errors.As(err, &refusal):
		fmt.Println("not decided, ask again in", refusal.RetryAfter)
	case errors.As(err, &refusal):
		fmt.Println("refused:", refusal.Reason)
	}
	// Output: refused: expired
}

// Two authorization servers with the same scopes: a policy says whose it means.
func ExampleConfig() {
	v, err := validator.New(validator.Config{Issuers: []validator.Issuer{
		{
			Name: "staff", URL: "https://example.okta.com/oauth2/default", Profile: validator.Okta(),
			Audiences: []string{"api://orders"}, ClientIDs: []string{"0oa1b2c3d4"},
		},
		{
			Name: "partners", URL: "https://login.example.org", Profile: validator.RFC9068(),
			Audiences: []string{"api://orders"}, AnyClient: true,
		},
	}})
	if err != nil {
		log.Fatal(err)
	}
	cancel := validator.Policy{Issuers: []string{"staff"}, Scopes: []string{"orders.cancel"}}
	list := validator.Policy{AnyTrustedIssuer: true, AnyScope: []string{"orders.read", "orders.cancel"}}
	unclear := validator.Policy{Scopes: []string{"orders.cancel"}} // whose?

	fmt.Println(v.CheckPolicy(cancel), v.CheckPolicy(list))
	fmt.Println(v.CheckPolicy(unclear) != nil)
	// Output:
	// <nil> <nil>
	// true
}

// Several authorization servers, each for its own: a policy names whose scopes
// it means.
func ExamplePolicy() {
	staff := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer staff.Close()
	partners := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer partners.Close()
	ctx := context.Background()

	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{
			{Name: "staff", URL: staff.Issuer(), Audiences: []string{"api://orders"}, ClientIDs: []string{"backoffice"}},
			{Name: "partners", URL: partners.Issuer(), Audiences: []string{"api://orders"}, AnyClient: true},
		},
		InsecureAllowHTTP: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	cancel := validator.Policy{Issuers: []string{"staff"}, Scopes: []string{"orders.cancel"}}
	list := validator.Policy{AnyTrustedIssuer: true, AnyScope: []string{"orders.read", "orders.cancel"}}

	fromPartner := partners.AccessToken(validatortest.Scope("orders.cancel"))
	for name, policy := range map[string]*validator.Policy{"cancel": &cancel, "list": &list} {
		_, err := v.ValidateWith(ctx, fromPartner, validator.Requirements{Policy: policy})
		fmt.Println(name, errors.Is(err, validator.ErrInsufficientScope))
	}
	// Unordered output:
	// cancel true
	// list false
}

// unaryHandler is what an interceptor gets to call, as grpc.UnaryHandler is.
type unaryHandler func(ctx context.Context, request any) (any, error)

// intercept is the body of an interceptor for any protocol. For gRPC,
// authorization is metadata.ValueFromIncomingContext(ctx, "authorization"), and
// the class of the error gives the code.
func intercept(ctx context.Context, v *validator.Validator, policy validator.Policy,
	authorization []string, request any, next unaryHandler) (any, error) {
	scheme, rawToken, err := validator.ParseAuthorization(authorization)
	if err == nil && scheme != validator.SchemeBearer {
		err = validator.NewError(validator.ReasonUnsupportedScheme, "")
	}
	if err != nil {
		return nil, v.Refused(ctx, err) // the observer hears of every call
	}
	token, err := v.ValidateWith(ctx, rawToken, validator.Requirements{Policy: &policy})
	if err != nil {
		return nil, err
	}
	return next(validator.NewContext(ctx, token), request)
}

// A validator in an interceptor, without net/http.
func ExampleParseAuthorization() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	policy := validator.Policy{Scopes: []string{"orders.read"}}
	hello := func(ctx context.Context, _ any) (any, error) {
		token, _ := validator.FromContext(ctx)
		return "hello " + token.Subject(), nil
	}
	good := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"))
	for _, authorization := range [][]string{{"Bearer " + good}, {"Basic eDp5"}, nil} {
		answer, err := intercept(context.Background(), v, policy, authorization, nil, hello)
		fmt.Println(answer, errors.Is(err, validator.ErrNoToken))
	}
	// Output:
	// hello user false
	// <nil> true
	// <nil> true
}

// Claims of your own, as the bytes that were checked have them.
func ExampleClaims() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	token, err := v.Validate(context.Background(),
		as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Claim("tenant", map[string]any{"id": 7, "plan": "gold"})))
	if err != nil {
		log.Fatal(err)
	}

	type ours struct {
		Tenant struct {
			ID   int    `json:"id"`
			Plan string `json:"plan"`
		} `json:"tenant"`
	}
	claims, err := validator.Claims[ours](token)
	if err != nil {
		log.Fatal(err) // the claim is not what you thought: treat it as a refusal
	}
	fmt.Println(claims.Tenant.ID, claims.Tenant.Plan)
	// Output: 7 gold
}

// Counting decisions: reasons are a closed set, safe as a metric label.
func ExampleObserver() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	var accepted, fromCache, refused, fetches atomic.Int64
	config := validator.Config{}

	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	config.Observer = validator.Observer{
		Decision: func(_ context.Context, d validator.Decision) {
			switch {
			case d.Err != nil:
				refused.Add(1) // by d.Issuer and d.Err.Reason
			case d.Cached:
				fromCache.Add(1)
			default:
				accepted.Add(1)
			}
		},
		KeyFetch: func(f validator.KeyFetch) { fetches.Add(1) }, // f.Err, f.Keys, f.Skipped
	}

	config.Logger = nil // the example has no other output
	v := exampleValidator(as, config)
	good := as.AccessToken(validatortest.ClientID("orders-app"))
	for _, raw := range []string{good, good, "hello"} {
		_, _ = v.Validate(context.Background(), raw)
	}
	fmt.Println(accepted.Load(), fromCache.Load(), refused.Load(), fetches.Load())
	// Output: 1 1 1 1
}

// The org server is refused when the validator is made, not when the first
// token fails.
func ExampleOkta() {
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{{
		URL:       "https://example.okta.com", // not a custom authorization server
		Audiences: []string{"api://orders"},
		AnyClient: true,
		Profile:   validator.Okta(),
	}}})
	var mistake *validator.ConfigError
	fmt.Println(errors.As(err, &mistake), mistake.Field)
	// Output: true Issuers[0].URL
}

// A changed configuration, without losing keys: swap the pointer that your
// requests load.
func ExampleValidator_WithConfig() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	ctx := context.Background()
	config := validator.Config{
		Issuers: []validator.Issuer{{
			URL: as.Issuer(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"},
		}},
		InsecureAllowHTTP: true,
	}
	var current atomic.Pointer[validator.Validator]
	current.Store(exampleValidator(as, config))
	raw := as.AccessToken(validatortest.ClientID("new-app"))
	_, before := current.Load().Validate(ctx, raw)

	config.Issuers[0].ClientIDs = []string{"orders-app", "new-app"}
	next, err := current.Load().WithConfig(config)
	if err != nil {
		log.Fatal(err) // and go on with the old one
	}
	current.Store(next)

	_, after := current.Load().Validate(ctx, raw)
	fmt.Println(before != nil, after)
	// Output: true <nil>
}

// A readiness probe: true once every authorization server's keys were read.
func ExampleValidator_Ready() {
	as := exampleServer(validatortest.Options{})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(v.Ready(ctx))
	as.SetMode(validatortest.ModeDown)
	fmt.Println(v.Ready(ctx)) // it never flips back: known keys are still good
	// Output:
	// <nil>
	// <nil>
}
