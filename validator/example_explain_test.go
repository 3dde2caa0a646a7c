package validator_test

import (
	"context"
	"fmt"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// Why is this token refused? Explain decides as Validate does, and tells all that is
// wrong. It is for operators: a client must not see it.
func ExampleValidator_Explain() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	raw := as.AccessToken(validatortest.ClientID("orders-app"),
		validatortest.Audience("api://invoices"), validatortest.Expiry(time.Now().Add(-time.Hour)))

	x := v.Explain(context.Background(), raw)
	fmt.Println(x.Accepted, x.Reason, "-", x.Advice)
	for _, check := range x.Checks {
		if check.State == validator.CheckFailed {
			fmt.Println(check.Name, check.Reason, check.Decisive, check.Unverified)
		}
	}
	// Output:
	// false expired - Get a new token; if it is new, compare the clocks, in UTC, of this machine and of the authorization server.
	// exp expired true true
	// aud audience_mismatch false true
}

// What a call asks beyond a good token is explained too.
func ExampleValidator_ExplainWith() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	raw := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"))
	write := validator.Policy{Scopes: []string{"orders.write"}, MaxAuthAge: 5 * time.Minute}

	x := v.ExplainWith(context.Background(), raw, validator.Requirements{Policy: &write})
	for _, check := range x.Checks {
		if check.State == validator.CheckFailed {
			fmt.Printf("%s: expected %s, found %s\n", check.Name, check.Expected, check.Actual)
		}
	}
	// Output:
	// policy scopes: expected scopes orders.write, found scopes orders.read
	// policy auth_time: expected authenticated within 5m0s, found auth_time none
}
