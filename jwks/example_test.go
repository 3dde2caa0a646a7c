package jwks_test

import (
	"fmt"
	"log"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// Keys for a parser of golang-jwt: Keyfunc finds the key and checks alg, crit and iss,
// and nothing else that makes a token an access token for you.
func ExampleSource_Keyfunc() {
	as, err := validatortest.Start(validatortest.Options{TLS: true, Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	keys, err := jwks.New(jwks.Config{Issuer: as.Issuer(), HTTPClient: as.Client()})
	if err != nil {
		log.Fatal(err)
	}
	token, err := jwt.Parse(as.AccessToken(), keys.Keyfunc(),
		jwt.WithAudience("api://orders"), jwt.WithExpirationRequired())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Valid)
	// Output: true
}
