package validator_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// What is known about a token that was accepted. Whatever belongs to a user is kept
// under its Identity, the pair of issuer and subject.
func ExampleToken() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	orders := map[validator.Identity][]string{{Issuer: as.Issuer(), Subject: "jane"}: {"a pen"}}

	token, err := v.Validate(context.Background(), as.AccessToken(
		validatortest.ClientID("orders-app"), validatortest.Subject("jane"), validatortest.Claim("tier", "gold")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(orders[token.Identity()])
	fmt.Println(token.Subject(), token.ClientID(), token.MatchedAudience(), token.Origin())
	fmt.Println(token.HasScope("write"), token.Expiry().Sub(token.IssuedAt()), token.KeyID() == as.KID())
	fmt.Println(token.Claim("tier"))
	fmt.Println(token.Claim("Tier")) // names are exact
	// Output:
	// [a pen]
	// jane orders-app api://orders local
	// true 1h0m0s true
	// gold true
	// <nil> false
}

// A stream decides anew from time to time: Recheck asks nobody, and says for how long
// the token can be good at most.
func ExampleValidator_Recheck() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	ctx := context.Background()
	token, err := v.Validate(ctx, as.AccessToken(validatortest.ClientID("orders-app")))
	if err != nil {
		log.Fatal(err)
	}
	left, err := v.Recheck(token)
	fmt.Println(left > 0, err)

	as.Withdraw(as.KID())
	as.Rotate("ES256")
	if err := v.RefreshKeys(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = v.Recheck(token)
	var refusal *validator.Error
	fmt.Println(errors.As(err, &refusal), refusal.Reason)
	// Output:
	// true <nil>
	// true unknown_key
}

// All mistakes of a configuration at once, each with its field.
func ExampleConfigError() {
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{{
		URL:        "http://login.example.org",
		Algorithms: []string{"HS256"},
	}}})
	fmt.Println(err)
	var mistake *validator.ConfigError // the first of them
	fmt.Println(errors.As(err, &mistake), mistake.Field)
	// Output:
	// validator: Issuers[0].URL: must be https
	// validator: Issuers[0].Audiences: at least one is required, and none may be empty
	// validator: Issuers[0].ClientIDs: name the clients whose tokens are accepted, or say AnyClient
	// validator: Issuers[0].Algorithms: "HS256" is not an asymmetric JWS algorithm that this library verifies
	// true Issuers[0].URL
}

// A message of an operator, or a webhook of the authorization server: a key that was
// withdrawn is refused from now on, cached tokens included.
func ExampleValidator_RefreshKeys() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	ctx := context.Background()
	rawToken := as.AccessToken(validatortest.ClientID("orders-app"))
	_, err := v.Validate(ctx, rawToken)
	fmt.Println(err)

	stolen := as.KID()
	as.Rotate("ES256")
	as.Withdraw(stolen)
	if err := v.RefreshKeys(ctx, as.Issuer()); err != nil {
		log.Fatal(err) // it could not be asked: what is known goes on
	}
	_, err = v.Validate(ctx, rawToken)
	var refusal *validator.Error
	fmt.Println(errors.As(err, &refusal), refusal.Reason)
	// Output:
	// <nil>
	// true unknown_key
}

// A proof of one's own: a transport that knows the client's certificate by other means
// than net/http says which it is. The validator compares it with the token.
func ExampleProof() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	certificate := []byte("the client's certificate, in DER")
	hash := sha256.Sum256(certificate)
	thumbprint := base64.RawURLEncoding.EncodeToString(hash[:])
	bound := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Claim("cnf", map[string]any{"x5t#S256": thumbprint}))

	for _, shown := range []string{"", thumbprint, thumbprint[1:] + "A"} {
		_, err := v.ValidateWith(context.Background(), bound, validator.Requirements{Proofs: []validator.Proof{connection(shown)}})
		var refusal *validator.Error
		if errors.As(err, &refusal) {
			fmt.Println(errors.Is(err, validator.ErrInvalidProof), refusal.Reason)
			continue
		}
		fmt.Println(err)
	}
	// Output:
	// true proof_missing
	// <nil>
	// true proof_mismatch
}

// connection is the thumbprint of the certificate that the client's connection has;
// empty: it has none.
type connection string

func (c connection) Confirm(context.Context, string, *validator.Token) (validator.Confirmation, error) {
	return validator.Confirmation{X5TS256: string(c)}, nil
}
