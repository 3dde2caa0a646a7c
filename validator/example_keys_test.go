package validator_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// A restart while the authorization server is down: the keys that were known before
// go on verifying.
func ExampleValidator_ImportKeys() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	ctx := context.Background()
	raw := as.AccessToken(validatortest.ClientID("orders-app"))
	_, _ = v.Validate(ctx, raw)

	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "keys.json")

	// Now and then, and when the service stops:
	export, err := v.ExportKeys()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(file, export, 0o600); err != nil { // as trusted as the configuration
		log.Fatal(err)
	}

	as.SetMode(validatortest.ModeDown)
	next := exampleValidator(as, validator.Config{})
	_, err = next.Validate(ctx, raw)
	fmt.Println(errors.Is(err, validator.ErrUnavailable))

	// When it starts:
	if export, err = os.ReadFile(file); err == nil {
		if err := next.ImportKeys(export); err != nil {
			log.Print(err) // what was refused is left out; the rest counts
		}
	}
	_, err = next.Validate(ctx, raw)
	fmt.Println(err, next.Ready(ctx))
	// Output:
	// true
	// <nil> <nil>
}

// What a health page says about keys.
func ExampleValidator_Status() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{})
	_ = v.Ready(context.Background())

	for _, issuer := range v.Status() {
		keys := issuer.Keys // nil for an issuer that is OpaqueOnly
		fmt.Println(len(keys.Keys), "keys,", len(keys.Skipped), "skipped,", keys.Failures, "failures", keys.LastError)
	}
	// Output: 1 keys, 0 skipped, 0 failures
}

// A withdrawn key is noticed within a quarter of an hour, whatever tokens come; and
// no key is used that the server has not confirmed for a day.
func ExampleIssuer_keyAge() {
	issuer := validator.Issuer{
		URL: "https://login.example.org", Audiences: []string{"api://orders"}, AnyClient: true,
		KeyMaxAge:   15 * time.Minute,
		KeyMaxStale: 24 * time.Hour,
	}
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{issuer}})
	fmt.Println(err)
	// Output: <nil>
}
