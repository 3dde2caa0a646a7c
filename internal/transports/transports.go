// Package transports holds every transport to one table of requests: what becomes
// of a token, and what its caller is told, does not depend on the protocol. It knows
// none of them: each brings a way to serve and to ask.
package transports

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// Realm is the realm that a Transport configures.
const Realm = "orders"

// Transport serves one endpoint on a real listener until the test ends, guarded by v
// and the policy. Inside, the handler finds the token in its context and answers
// with its subject.
type Transport func(t *testing.T, v *validator.Validator, policy validator.Policy) Ask

// Ask sends one request with these values of the Authorization header, or of the
// metadata of that name, and returns what came back.
type Ask func(t *testing.T, authorization []string) Answer

// Answer is what a client sees.
type Answer struct {
	Status    int    // of HTTP; a gRPC or Connect code is the status that it stands for
	Challenge string // WWW-Authenticate, in the header or in the trailer
	Retry     bool   // it says when to try again
	Subject   string // what the handler answered with
}

// class is the class that a client derives from status and challenge. Of what was
// decided about the token itself there is one answer only.
func (a Answer) class() error {
	for _, known := range []struct {
		status int
		code   string
		class  error
	}{
		{http.StatusUnauthorized, "", validator.ErrNoToken},
		{http.StatusBadRequest, "invalid_request", validator.ErrInvalidRequest},
		{http.StatusUnauthorized, "invalid_token", validator.ErrInvalidToken},
		{http.StatusUnauthorized, "insufficient_user_authentication", validator.ErrInsufficientAuthentication},
		{http.StatusForbidden, "insufficient_scope", validator.ErrInsufficientScope},
	} {
		if a.Status == known.status && errorCode(a.Challenge) == known.code && a.Challenge != "" {
			return known.class
		}
	}
	if a.Status == http.StatusServiceUnavailable && a.Challenge == "" && a.Retry {
		return validator.ErrUnavailable
	}
	return errors.New("no class: the answer is none of ours")
}

// Test runs the table over a transport.
func Test(t *testing.T, transport Transport) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			p := startProducts(t)
			ask := transport(t, p.validator, c.policy())
			answer := ask(t, c.send(p))
			assert.Equal(t, []validator.Reason{c.reason}, p.heard.list(), "what the observer heard")
			if c.class == nil {
				assert.Equal(t, Answer{Status: http.StatusOK, Subject: validatortest.DefaultSubject}, answer)
				return
			}
			class := c.class
			assert.ErrorIs(t, validator.NewError(c.reason, ""), class)
			if class == validator.ErrInvalidProof { // told as a bad token
				class = validator.ErrInvalidToken
			}
			assert.Equal(t, class, answer.class(), "%+v", answer)
			assert.Equal(t, c.challenge, answer.Challenge)
			assert.Empty(t, answer.Subject)
		})
	}
}

// products are two API products of two issuers that call everything alike.
type products struct {
	orders, billing *validatortest.Server
	validator       *validator.Validator
	heard           *heard
}

func startProducts(t *testing.T) products {
	t.Helper()
	p := products{orders: start(t), billing: start(t), heard: new(heard)}
	product := func(name string, s *validatortest.Server) validator.Issuer {
		return validator.Issuer{Name: name, URL: s.Issuer(), Audiences: []string{"api://" + name}, ClientIDs: []string{validatortest.DefaultClientID}}
	}
	var err error
	p.validator, err = validator.New(validator.Config{
		Issuers:           []validator.Issuer{product("orders", p.orders), product("billing", p.billing)},
		InsecureAllowHTTP: true,
		Observer:          validator.Observer{Decision: p.heard.decision},
	})
	require.NoError(t, err)
	return p
}

func start(t *testing.T) *validatortest.Server {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}
