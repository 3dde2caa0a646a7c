package validator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// A token that is kept for an hour is refused on the next request after its user was
// revoked. Signing in again helps: what is issued from now on is good.
func ExampleRevocations() {
	now := time.Now().Truncate(time.Second)
	clock := func() time.Time { return now }
	as := exampleServer(validatortest.Options{Audience: "api://orders", Clock: clock})
	defer as.Close()
	ctx := context.Background()

	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	v := exampleValidator(as, validator.Config{
		Issuers: []validator.Issuer{{
			URL:              as.Issuer(),
			Audiences:        []string{"api://orders"},
			ClientIDs:        []string{"orders-app"},
			MaxTokenLifetime: time.Hour, // how long a revocation must be remembered
		}},
		Revocations: revocations,
		Clock:       clock,
	})
	rawToken := as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Subject("jane"))
	token, err := v.Validate(ctx, rawToken)
	fmt.Println(token.Subject(), err)

	err = revocations.Revoke(validator.Revocation{Issuer: token.Issuer(), Subject: token.Subject()})
	if err != nil {
		log.Fatal(err) // nothing was revoked
	}
	_, err = v.Validate(ctx, rawToken)
	var refusal *validator.Error
	fmt.Println(errors.As(err, &refusal), refusal.Reason)

	now = now.Add(validator.DefaultLeeway + time.Second) // the issuer's clock may be ahead of ours
	_, err = v.Validate(ctx, as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Subject("jane")))
	fmt.Println(err)
	// Output:
	// jane <nil>
	// true revoked
	// <nil>
}

// Processes tell each other what was revoked over whatever joins them.
func ExampleRevocations_Apply() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	channel := make(chan []byte, 100)

	here, err := validator.NewRevocations(validator.RevocationsConfig{
		OnMark: func(m validator.Watermark) {
			message, _ := json.Marshal(m)
			channel <- message
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	there, err := validator.NewRevocations(validator.RevocationsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	for _, revocations := range []*validator.Revocations{here, there} {
		exampleValidator(as, validator.Config{
			Issuers: []validator.Issuer{{
				URL: as.Issuer(), Audiences: []string{"api://orders"}, AnyClient: true, MaxTokenLifetime: time.Hour,
			}},
			Revocations: revocations,
		})
	}

	if err := here.Revoke(validator.Revocation{Issuer: as.Issuer(), Session: "08a5019c"}); err != nil {
		log.Fatal(err)
	}

	var m validator.Watermark
	if err := json.Unmarshal(<-channel, &m); err != nil {
		log.Fatal(err)
	}
	if err := there.Apply(m); err != nil {
		log.Print(err) // such as an issuer that is not configured here
	}
	fmt.Println(there.Status().Marks, m.Session)
	// Output: 1 08a5019c
}

// What an issuer tells of a user counts at once. Package middleware/signals does this
// over HTTP; here the event was polled, or came from a queue.
func ExampleValidator_ReceiveEvent() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	v := exampleValidator(as, validator.Config{
		Issuers: []validator.Issuer{{
			URL: as.Issuer(), Audiences: []string{"api://orders"}, AnyClient: true, MaxTokenLifetime: time.Hour,
			EventAudiences: []string{"https://api.example.com/events"}, // what it calls us
		}},
		Revocations: revocations,
	})
	ctx, rawToken := context.Background(), as.AccessToken(validatortest.Subject("jane"))
	_, err = v.Validate(ctx, rawToken)
	fmt.Println(err)

	event := as.EventToken("https://api.example.com/events", "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
		map[string]any{"subject": map[string]any{"format": "iss_sub", "iss": as.Issuer(), "sub": "jane"}})
	fmt.Println(v.ReceiveEvent(ctx, event))
	_, err = v.Validate(ctx, rawToken)
	var refusal *validator.Error
	fmt.Println(errors.As(err, &refusal), refusal.Reason)
	// Output:
	// <nil>
	// revoked <nil>
	// true revoked
}

// A stream ends when its token is revoked.
func ExampleToken_Watch() {
	as := exampleServer(validatortest.Options{Audience: "api://orders"})
	defer as.Close()
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	v := exampleValidator(as, validator.Config{
		Issuers: []validator.Issuer{{
			URL: as.Issuer(), Audiences: []string{"api://orders"}, AnyClient: true, MaxTokenLifetime: time.Hour,
		}},
		Revocations: revocations,
	})
	token, err := v.Validate(context.Background(), as.AccessToken())
	if err != nil {
		log.Fatal(err)
	}

	stream := func(ctx context.Context) error {
		ctx, stop := token.Watch(ctx)
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Minute):
				// send something
			}
		}
	}
	ended := make(chan error)
	go func() { ended <- stream(context.Background()) }()
	if err := revocations.Revoke(validator.Revocation{Issuer: token.Issuer(), WholeIssuer: true}); err != nil {
		log.Fatal(err)
	}
	var refusal *validator.Error
	fmt.Println(errors.As(<-ended, &refusal), refusal.Reason)
	// Output: true revoked
}
