package validator_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// Step-up (RFC 9470): the user must have authenticated well enough, and not long
// ago. The challenge tells the client what to ask the authorization server for.
func ExamplePolicy_stepUp() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	ctx, app := context.Background(), validatortest.ClientID("orders-app")
	pay := validator.Policy{
		Scopes:     []string{"orders.pay"},
		ACRValues:  []string{"phrh", "phr"}, // the preferred one first
		MaxAuthAge: 5 * time.Minute,
	}
	if err := v.CheckPolicy(pay); err != nil {
		log.Fatal(err)
	}
	fmt.Println(pay)

	password := as.AccessToken(app, validatortest.Scope("orders.pay"), validatortest.Claim("acr", "pwd"))
	_, err := v.ValidateWith(ctx, password, validator.Requirements{Policy: &pay})
	var refusal *validator.Error
	if errors.As(err, &refusal) && errors.Is(err, validator.ErrInsufficientAuthentication) {
		fmt.Println(refusal.Reason, refusal.Challenge.ACRValues, refusal.Challenge.MaxAge)
	}
	passkey := as.AccessToken(app, validatortest.Scope("orders.pay"),
		validatortest.Claim("acr", "phr"), validatortest.Claim("auth_time", time.Now().Unix()))
	_, err = v.ValidateWith(ctx, passkey, validator.Requirements{Policy: &pay})
	fmt.Println(err)
	// Output:
	// scopes orders.pay; acr phrh or phr; authenticated within 5m0s
	// acr_insufficient [phrh phr] 5m0s
	// <nil>
}

// Rich authorization requests (RFC 9396): the token must permit a payment to this
// shop.
func ExampleDetail() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	type payment struct { // with every member that can restrict what is permitted
		Actions  []string `json:"actions"`
		Creditor string   `json:"creditor"`
	}
	pay := validator.Policy{AuthorizationDetails: []validator.DetailRule{
		validator.Detail("payment_initiation", func(p payment) bool {
			return p.Creditor == "shop" && len(p.Actions) == 1 && p.Actions[0] == "initiate"
		}),
	}}

	for _, creditor := range []string{"shop", "somebody else"} {
		raw := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Claim("authorization_details", []map[string]any{
			{"type": "account_information"},
			{"type": "payment_initiation", "actions": []string{"initiate"}, "creditor": creditor},
		}))
		_, err := v.ValidateWith(context.Background(), raw, validator.Requirements{Policy: &pay})
		fmt.Println(creditor, errors.Is(err, validator.ErrInsufficientScope))
	}
	// Output:
	// shop false
	// somebody else true
}

// A rule of your own. It is asked last, on every request, and its error is for logs;
// one made by NewError can be "cannot say now", or ask for a step-up.
func ExamplePolicy_permit() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	suspended := func(_ context.Context, id validator.Identity) (bool, error) { // your database
		if id.Subject == "lost" {
			return false, errors.New("connection refused")
		}
		return id.Subject == "mallory", nil
	}
	policy := validator.Policy{
		Scopes:     []string{"orders.read"},
		PermitName: "not suspended",
		Permit: func(ctx context.Context, token *validator.Token) error {
			out, err := suspended(ctx, token.Identity())
			switch {
			case err != nil:
				return validator.NewError(validator.ReasonPermitUnavailable, err.Error()) // 503
			case out:
				return errors.New("suspended") // 403
			}
			return nil
		},
	}
	fmt.Println(policy)
	for _, user := range []string{"jane", "mallory", "lost"} {
		raw := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"), validatortest.Subject(user))
		_, err := v.ValidateWith(context.Background(), raw, validator.Requirements{Policy: &policy})
		fmt.Println(user, err)
	}
	// Output:
	// scopes orders.read; permit "not suspended"
	// jane <nil>
	// mallory validator: insufficient scope: not_permitted: suspended
	// lost validator: cannot decide now: permit_unavailable: connection refused
}
