package reply_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/middleware/internal/reply"
	"github.com/bearerguard/bearerguard/validator"
)

// What is no refusal of the library is passed on, or becomes one that nobody decided.
func TestErrorsOfOthers(t *testing.T) {
	for name, err := range map[string]error{"none of ours": io.EOF, "a nil one": (*validator.Error)(nil)} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, err, reply.PresentedAs(validator.SchemeDPoP, err))
			assert.ErrorIs(t, reply.Refusal(err), validator.ErrUnavailable)
		})
	}
}

func TestRefusalIsOfTheSchemeThatWasPresented(t *testing.T) {
	own := validator.NewError(validator.ReasonExpired, "")
	presented := reply.PresentedAs(validator.SchemeDPoP, own)
	assert.ErrorIs(t, presented, validator.ErrInvalidToken)
	assert.Equal(t, validator.SchemeDPoP, reply.Refusal(presented).Challenge.Scheme)
	assert.NotEqual(t, validator.SchemeDPoP, own.Challenge.Scheme, "who made it keeps it")
}
