package validator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
)

// TestKeyMistakes: each setting of an issuer's keys is told by its own name.
func TestKeyMistakes(t *testing.T) {
	const (
		age, stale, grace = "Issuers[0].KeyMaxAge", "Issuers[0].KeyMaxStale", "Issuers[0].KeyEmptyGrace"
		only              = "Issuers[0].OpaqueOnly"
	)
	ages := func(age, stale time.Duration) func(*validator.Issuer) {
		return func(is *validator.Issuer) { is.KeyMaxAge, is.KeyMaxStale = age, stale }
	}
	for name, tc := range map[string]struct {
		edit   func(*validator.Issuer)
		fields []string
	}{
		"none":                       {func(*validator.Issuer) {}, nil},
		"age":                        {ages(time.Hour, 0), nil},
		"age and stale":              {ages(time.Hour, 2*time.Hour), nil},
		"both the same":              {ages(time.Hour, time.Hour), nil},
		"age, bucket refills slowly": {func(is *validator.Issuer) { is.KeyMaxAge, is.KeyRefreshInterval = time.Minute, time.Hour }, []string{age}},
		"age, bucket refills fast":   {func(is *validator.Issuer) { is.KeyMaxAge, is.KeyRefreshInterval = time.Second, time.Second }, nil},
		"age shorter than a refill":  {ages(9*time.Second, time.Hour), []string{age}},
		"grace":                      {func(is *validator.Issuer) { is.KeyEmptyGrace = time.Minute }, nil},
		"negative age":               {ages(-time.Hour, 0), []string{age}},
		"negative stale":             {ages(time.Hour, -time.Hour), []string{stale}},
		"stale without age":          {ages(0, time.Hour), []string{stale}},
		"stale shorter than age":     {ages(time.Hour, time.Hour-1), []string{stale}},
		"age without unit":           {ages(3600, 0), []string{age}},
		"stale without unit":         {ages(time.Hour, 7200), []string{stale}},
		"both without unit":          {ages(3600, 7200), []string{age, stale}},
		"negative grace":             {func(is *validator.Issuer) { is.KeyEmptyGrace = -time.Minute }, []string{grace}},
		"grace without unit":         {func(is *validator.Issuer) { is.KeyEmptyGrace = 300 }, []string{grace}},
		"age of keys that are not":   {func(is *validator.Issuer) { is.OpaqueOnly, is.KeyMaxAge = true, time.Hour }, []string{only}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := validator.New(asking(func(c *validator.Config) { tc.edit(&c.Issuers[0]) }))
			assert.Equal(t, tc.fields, fieldsOf(t, err))
			assert.Equal(t, tc.fields == nil, v != nil)
		})
	}
}
