package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// mark is in everything that a hostile caller of the test makes up.
const mark = "hostile"

// hostile sends one of each kind, unlike all others of its kind.
func (w *world) hostile(i int) {
	ctx, own := context.Background(), fmt.Sprint(mark, "-", i)
	as := w.as
	unsigned := func(header, claims string) string {
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(header)) + "." + encode([]byte(claims)) + ".AAAA"
	}
	for _, raw := range []string{
		own,                                    // no JWT
		prefix + strings.Repeat("x", 10) + own, // an opaque one that is nobody's
		unsigned(fmt.Sprintf(`{"alg":"ES256","kid":%q}`, own), fmt.Sprintf(`{"iss":"https://%s.example"}`, own)),
		unsigned(fmt.Sprintf(`{"alg":%q}`, own), fmt.Sprintf(`{"iss":%q}`, as.Issuer())),
	} {
		_, _ = w.v.Validate(ctx, raw)
	}
	switch i % 4 { // signed ones take longer to make
	case 0:
		_, _ = w.v.Validate(ctx, w.token(validatortest.HeaderParam("kid", own)))
	case 1:
		_, _ = w.v.Validate(ctx, w.token(validatortest.ClientID(own)))
	case 2:
		_, _ = w.v.Validate(ctx, w.token(validatortest.Subject(own), validatortest.Scope("orders.read", own), validatortest.Claim(own, own)))
	case 3:
		_, _ = w.v.ReceiveEvent(ctx, unsigned(`{"alg":"ES256","typ":"secevent+jwt"}`, fmt.Sprintf(`{"iss":%q}`, own)))
	}
	_ = w.v.Refused(ctx, validator.NewError(validator.Reason(own), own)) // as of a Permit that says too much
	_ = w.v.Refused(ctx, &validator.Error{Class: fmt.Errorf("%s", own), Reason: validator.Reason(own)})
}

// TestCardinality: 10,000 tokens and more, each unlike all others in what a caller can
// choose, add no series to those that the first ones made, of either adapter, and no label
// holds anything of them.
func TestCardinality(t *testing.T) {
	w := newWorld(t) // whose clock stands still: what the first ones meet, all do
	w.try(w.token(), w.token())
	for i := range 40 {
		w.hostile(i)
	}
	before := [2]int{count(t, w.registry), count(t, w.otel)}
	for i := range 2500 { // six or seven of each
		w.hostile(40 + i)
	}
	assert.Equal(t, before, [2]int{count(t, w.registry), count(t, w.otel)})
	decisions := 0.0
	families, err := w.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == "bearerguard_decisions_total" {
			for _, n := range values(family) {
				decisions += n
			}
		}
	}
	assert.Greater(t, decisions, 10_000.0)
}

// count counts series, and looks at their labels.
func count(t *testing.T, registry *prometheus.Registry) (series int) {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			series++
			for _, pair := range m.GetLabel() {
				assert.NotContains(t, pair.GetValue(), mark, "%s{%s}", family.GetName(), pair.GetName())
			}
		}
	}
	return series
}
