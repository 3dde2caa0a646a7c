package introspect_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// A question of one's own, such as about a refresh token. What the answer is worth is for
// the caller to say: for access tokens, that is validator.Issuer.Introspection.
func Example() {
	as, err := validatortest.Start(validatortest.Options{TLS: true, OpaquePrefix: "at_"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	as.AddClient("orders-api", "a secret")

	client, err := introspect.New(
		introspect.Server{Issuer: as.Issuer(), HTTPClient: as.Client()},
		introspect.Config{
			Auth:   introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("a secret")),
			Format: introspect.Format{Prefix: "at_"},
		})
	if err != nil {
		log.Fatal(err)
	}
	token := as.OpaqueToken()
	for range 2 {
		answer, err := client.Introspect(context.Background(), token)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.Active, strings.Contains(answer.Text, `"client_id"`))
		as.Revoke(token)
	}
	fmt.Println(client.Fits(token), client.Fits("junk"))
	// Output:
	// true true
	// false false
	// true false
}

// Why there is no answer, from a closed set. None says anything about the token.
func ExampleError() {
	as, err := validatortest.Start(validatortest.Options{TLS: true})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	as.AddClient("orders-api", "a secret")
	client, err := introspect.New(
		introspect.Server{Issuer: as.Issuer(), HTTPClient: as.Client()},
		introspect.Config{Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("an old secret"))})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Introspect(context.Background(), as.OpaqueToken())
	var failure *introspect.Error
	fmt.Println(errors.As(err, &failure), failure.Kind == introspect.Denied)
	// Output: true true
}
