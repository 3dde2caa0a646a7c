package validator_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// An opaque token is shown to its issuer, once; the answer is kept until exp.
func ExampleIssuer_introspection() {
	as := exampleServer(validatortest.Options{Audience: "api://orders", OpaquePrefix: "at_"})
	defer as.Close()
	as.AddClient("orders-api", "a secret")
	ctx := context.Background()
	rawToken := as.OpaqueToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"))

	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL:       as.Issuer(),
			Audiences: []string{"api://orders"},
			ClientIDs: []string{"orders-app"},
			Introspection: &introspect.Config{
				Auth:   introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("a secret")),
				Format: introspect.Format{Prefix: "at_"}, // junk is refused without asking
			},
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
	fmt.Println(token.ClientID(), token.Scopes(), token.Origin())

	var refusal *validator.Error
	_, err = v.Validate(ctx, "at_anything-else")
	fmt.Println(errors.As(err, &refusal), refusal.Reason)
	// Output:
	// orders-app [orders.read] introspection
	// true inactive
}

// An answer of now for what must not be done with a revoked token; for everything
// else, one that is a minute old does.
func ExampleRequirements_fresh() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	as.AddClient("orders-api", "a secret")
	v := exampleValidator(as, validator.Config{Issuers: []validator.Issuer{{
		URL: as.Issuer(), Audiences: []string{"api://orders"}, AnyClient: true,
		Introspection: &introspect.Config{
			Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("a secret")),
		},
		IntrospectAlways:    true,            // JWTs too, after they were found good
		IntrospectionMaxAge: time.Minute,     // instead of until exp
		StaleIfError:        5 * time.Minute, // while the issuer cannot be asked
	}}})
	ctx, rawToken := context.Background(), as.AccessToken()

	_, err := v.Validate(ctx, rawToken)
	fmt.Println("read:", err == nil)
	as.Revoke(rawToken)
	_, err = v.Validate(ctx, rawToken)
	fmt.Println("read within a minute:", err == nil)
	_, err = v.ValidateWith(ctx, rawToken, validator.Requirements{Fresh: validator.IntrospectedNow()})
	fmt.Println("pay:", err == nil)
	_, err = v.Validate(ctx, rawToken)
	fmt.Println("read after that:", err == nil)
	// Output:
	// read: true
	// read within a minute: true
	// pay: false
	// read after that: false
}

// An endpoint that wants an answer of now, and makes do with one of a minute ago while
// the issuer is down.
func ExampleFreshness_OrIfDown() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	as.AddClient("orders-api", "a secret")
	v := exampleValidator(as, validator.Config{Issuers: []validator.Issuer{{
		URL: as.Issuer(), Audiences: []string{"api://orders"}, AnyClient: true,
		Introspection: &introspect.Config{
			Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("a secret")),
		},
		StaleIfError: 5 * time.Minute, // for no call more than that
	}}})
	pay := validator.Policy{Scopes: []string{"write"}, Fresh: validator.IntrospectedNow().OrIfDown(time.Minute)}
	ctx, rawToken := context.Background(), as.AccessToken()

	_, err := v.ValidateWith(ctx, rawToken, validator.Requirements{Policy: &pay})
	fmt.Println(err)
	as.SetIntrospectionMode(validatortest.ModeDown)
	_, err = v.ValidateWith(ctx, rawToken, validator.Requirements{Policy: &pay})
	fmt.Println(err)
	_, err = v.ValidateWith(ctx, rawToken, validator.Requirements{Fresh: validator.IntrospectedNow()})
	fmt.Println(errors.Is(err, validator.ErrUnavailable))
	// Output:
	// <nil>
	// <nil>
	// true
}

// Secrets come from wherever they are kept, each time one is needed, so that they
// can be rotated. They never print themselves.
func ExampleIssuer_introspectionSecrets() {
	secret := introspect.SecretFunc(func(context.Context) (string, error) {
		text, err := os.ReadFile("/run/secrets/orders-api")
		return strings.TrimSpace(string(text)), err
	})
	issuer := validator.Issuer{
		URL: "https://login.example.org", Audiences: []string{"api://orders"}, AnyClient: true,
		Introspection: &introspect.Config{Auth: introspect.ClientSecretPost("orders-api", secret)},
	}
	fmt.Println(secret, issuer.Introspection.Auth)
	// Output: [secret] client_secret_post orders-api
}

// Several issuers with opaque tokens: by their prefixes, or by a function.
func ExampleConfig_opaqueIssuer() {
	staff := validator.Issuer{
		Name: "staff", URL: "https://staff.example.org", Audiences: []string{"api://orders"}, AnyClient: true,
		Introspection: &introspect.Config{Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("a"))},
	}
	partners := validator.Issuer{
		Name: "partners", URL: "https://partners.example.org", Audiences: []string{"api://orders"}, AnyClient: true,
		Introspection: &introspect.Config{Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("b"))},
	}
	config := validator.Config{Issuers: []validator.Issuer{staff, partners}}
	_, err := validator.New(config)
	fmt.Println("which of them is shown a token?", err != nil)

	config.OpaqueIssuer = func(rawToken string) string {
		if len(rawToken) == 43 {
			return "staff"
		}
		return "partners"
	}
	_, err = validator.New(config)
	fmt.Println(err)
	// Output:
	// which of them is shown a token? true
	// <nil>
}
