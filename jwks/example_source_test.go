package jwks_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// Something else that the server signed: the key by its kid, and the signature over the
// first two parts of the JWS. That is all that is verified here.
func ExampleSource_Key() {
	as, err := validatortest.Start(validatortest.Options{TLS: true, Algorithm: "ES256"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	keys, err := jwks.New(jwks.Config{Issuer: as.Issuer(), HTTPClient: as.Client()})
	if err != nil {
		log.Fatal(err)
	}
	statement := as.Sign("", []byte(`{"alg":"ES256","typ":"price-list"}`), []byte(`{"pen":"3.20"}`))

	key, err := keys.Key(context.Background(), as.KID(), "ES256")
	if err != nil {
		log.Fatal(err)
	}
	dot := strings.LastIndexByte(statement, '.')
	signature, err := base64.RawURLEncoding.DecodeString(statement[dot+1:])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Verify("ES256", statement[:dot], signature))

	_, err = keys.Key(context.Background(), "another", "ES256")
	var undecided *jwks.UnavailableError
	fmt.Println(errors.Is(err, jwks.ErrUnknownKey), errors.As(err, &undecided))
	// Output:
	// <nil>
	// true false
}

// A withdrawn key is noticed after a quarter of an hour at the latest, and a page for
// operators says what is known.
func ExampleConfig() {
	as, err := validatortest.Start(validatortest.Options{TLS: true})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	keys, err := jwks.New(jwks.Config{
		Issuer: as.Issuer(), HTTPClient: as.Client(),
		MaxAge:  15 * time.Minute,
		OnFetch: func(f jwks.Fetch) { fmt.Println("fetched:", f.Keys, "keys,", len(f.Skipped), "skipped, error", f.Err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := keys.Ready(context.Background()); err != nil {
		log.Fatal(err)
	}
	status := keys.Status()
	fmt.Println(status.Keys[0].Algorithms, status.Due, status.Failures)
	// Output:
	// fetched: 1 keys, 0 skipped, error <nil>
	// [RS256] false 0
}
