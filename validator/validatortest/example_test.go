package validatortest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// A server for one test: tokens of any shape, and keys that come and go.
func Example() {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders", Style: validatortest.StyleOkta, Path: "/oauth2/default"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: as.Issuer(), Profile: validator.Okta(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"},
		}},
		InsecureAllowHTTP: true, // as is on loopback, without TLS
	})
	if err != nil {
		log.Fatal(err)
	}
	app := validatortest.ClientID("orders-app")
	try := func(rawToken string) {
		_, err := v.Validate(context.Background(), rawToken)
		var refusal *validator.Error
		if errors.As(err, &refusal) {
			fmt.Println(refusal.Reason)
			return
		}
		fmt.Println("accepted")
	}
	try(as.AccessToken(app))
	try(as.AccessToken(app, validatortest.Expiry(time.Now().Add(-time.Minute))))
	try(as.AccessToken(app, validatortest.Claim("aud", "api://stock")))
	try(as.IDToken("orders-app", validatortest.Audience("api://orders")))
	as.Rotate("RS256") // the first token with the new key makes the validator look for it
	try(as.AccessToken(app))
	// Output:
	// accepted
	// expired
	// audience_mismatch
	// not_an_access_token
	// accepted
}

// The server in trouble: an outage must not look like a bad token.
func ExampleServer_SetMode() {
	as, err := validatortest.Start(validatortest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: as.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	as.SetMode(validatortest.ModeGarbage) // a login page in the place of keys
	_, err = v.Validate(context.Background(), as.AccessToken())
	fmt.Println(errors.Is(err, validator.ErrUnavailable), errors.Is(err, validator.ErrInvalidToken))
	// Output: true false
}

// A function that looks at nothing, and what the corpus says about it: each case that
// it should have refused names the check that is missing.
func ExampleRun() {
	as, err := validatortest.Start(validatortest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	report := validatortest.Run(context.Background(), as.Corpus("orders-app"),
		func(context.Context, string) error { return nil })
	for _, result := range report.Failed() {
		if result.Name == "exp-past" {
			fmt.Println(result.Name, "differs from", result.Neighbour, "by the check", result.Kills)
		}
	}
	fmt.Println(len(report.Failed()) > 100, len(report.Failed()) < len(report.Results))
	// Output:
	// exp-past differs from exp-past-within-leeway by the check exp
	// true true
}
