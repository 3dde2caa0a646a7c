package transports

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestCorpus sends the corpus of tokens and of Authorization headers over a transport:
// each is answered with its class. What no transport carries is left out.
func TestCorpus(t *testing.T, transport Transport) {
	as := start(t)
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: as.Issuer(), Audiences: []string{"api://default"}, ClientIDs: []string{ClientID},
			Profile: validator.RFC9068(), Algorithms: []string{"RS256", "ES256"},
		}},
		InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	Attack(t, as, transport(t, v, validator.Policy{AnyToken: true}))
}

// ClientID is the client of the corpus.
const ClientID = "orders-app"

// Attack is TestCorpus of a whole program, which is not handed a Validator: one that
// accepts the tokens of as for its audience and ClientID, as RFC 9068 has them, signed
// with RS256 or ES256, and demands no more of them.
func Attack(t *testing.T, as *validatortest.Server, ask Ask) {
	t.Helper()
	report, err := validatortest.Attack(t.Context(), validatortest.Target{
		Server: as, ClientID: ClientID, Families: []validatortest.Family{validatortest.Tokens, validatortest.Headers},
		Start: func(context.Context) (validatortest.API, error) {
			return validatortest.API{Resource: func(_ context.Context, r validatortest.Request) (validatortest.Answer, error) {
				if !carried(r.Authorization) {
					return validatortest.Answer{}, validatortest.ErrCannotSend
				}
				answer := ask(t, r.Authorization)
				return validatortest.Answer{Status: answer.Status, Challenge: answer.Challenge}, nil
			}}, nil
		},
	})
	require.NoError(t, err)
	assert.Empty(t, report.Failed(), report.String())
	compared := 0
	for _, r := range report.Results {
		if r.Outcome == validatortest.NotComparable {
			continue
		}
		compared++
		assert.True(t, r.AsTold || r.Reason == "proof_missing", "%s: %s: %v", r.Family, r.Name, r.Answer)
	}
	assert.Greater(t, compared, 400)
}

// carried reports whether every transport hands on these values as they stand: printable
// ASCII (gRPC), without blanks at the ends (RFC 9110 5.5), of less than 64 KiB.
func carried(values []string) bool {
	for _, v := range values {
		strange := strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' })
		if strange || strings.TrimSpace(v) != v || len(v) > 64<<10 {
			return false
		}
	}
	return true
}
