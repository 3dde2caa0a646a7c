package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// playground is the program's API after a round of its traffic.
type playground struct {
	*api
	traffic traffic
	spans   *recorder
	metrics *httptest.Server
}

func play(t *testing.T) *playground {
	t.Helper()
	as, err := validatortest.Start(validatortest.Options{Audience: audience, OpaquePrefix: prefix, Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(as.Close)
	as.AddClient(apiID, apiSecret)
	p := &playground{spans: new(recorder)}
	p.api, err = newAPI(as.Issuer(), sdktrace.NewTracerProvider(sdktrace.WithSyncer(p.spans)))
	require.NoError(t, err)
	server := httptest.NewServer(p.handler)
	t.Cleanup(server.Close)
	p.metrics = httptest.NewServer(p.api.metrics)
	t.Cleanup(p.metrics.Close)
	p.traffic = traffic{as, server.Client(), server.URL}
	require.NoError(t, p.traffic.round(t.Context()))
	require.NoError(t, p.reload())
	p.observer.Fleet(validator.FleetEvent{Issuer: "main", Outcome: validator.FleetFound}) // this program is no fleet
	return p
}

// scrape reads metrics over HTTP, as Prometheus does.
func (p *playground) scrape(t *testing.T, path string) map[string]*dto.MetricFamily {
	t.Helper()
	response, err := p.metrics.Client().Get(p.metrics.URL + path)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	reader := expfmt.NewTextParser(model.UTF8Validation)
	families, err := reader.TextToMetricFamilies(strings.NewReader(string(text)))
	require.NoError(t, err)
	require.NotEmpty(t, families)
	return families
}

// namesOf are the names that can be asked for, with the names of their labels.
func namesOf(families map[string]*dto.MetricFamily) map[string][]string {
	named := map[string][]string{}
	for name, family := range families {
		if !strings.HasPrefix(name, "bearerguard_") {
			continue
		}
		var own []string
		for _, m := range family.GetMetric() {
			for _, pair := range m.GetLabel() {
				if !slices.Contains(own, pair.GetName()) && !strings.HasPrefix(pair.GetName(), "otel_scope_") {
					own = append(own, pair.GetName())
				}
			}
		}
		slices.Sort(own)
		if family.GetType() == dto.MetricType_HISTOGRAM {
			named[name+"_bucket"] = append([]string{"le"}, own...)
			named[name+"_count"], named[name+"_sum"] = own, own
			continue
		}
		named[name] = own
	}
	return named
}

// scraped is what both adapters export: the same.
func scraped(t *testing.T) map[string][]string {
	t.Helper()
	p := play(t)
	direct, otel := namesOf(p.scrape(t, "/metrics")), namesOf(p.scrape(t, "/otel/metrics"))
	require.Equal(t, direct, otel, "one dashboard is for both")
	return direct
}

// TestBothAdaptersCountTheSame, whatever they are asked through.
func TestBothAdaptersCountTheSame(t *testing.T) {
	p := play(t)
	direct, otel := p.scrape(t, "/metrics"), p.scrape(t, "/otel/metrics")
	for name, family := range direct {
		assert.Equal(t, values(family), values(otel[name]), name)
		assert.Equal(t, family.GetType(), otel[name].GetType(), name)
	}
	counts := values(direct["bearerguard_decisions_total"])
	assert.Equal(t, 5.0, counts["class=unavailable issuer=main reason=introspection_unavailable"])
	assert.Equal(t, 1.0, counts["class=invalid_token issuer=none reason=unknown_issuer"])
	assert.Equal(t, map[string]float64{"cache=miss issuer=main origin=local": 3, "cache=hit issuer=main origin=local": 2, "cache=miss issuer=main origin=introspection": 1},
		values(direct["bearerguard_accepted_total"]))
	assert.Equal(t, map[string]float64{
		"issuer=main outcome=ok what=keys": 5, "issuer=main outcome=ok what=introspection": 2, "issuer=main outcome=failed what=introspection": 5,
	}, values(direct["bearerguard_read_duration_seconds"]), "that a token is not good is an answer too")
	assert.Equal(t, map[string]float64{"issuer=main": 1}, values(direct["bearerguard_introspection_circuit_open"]))
	assert.Equal(t, map[string]float64{"": 1}, values(direct["bearerguard_revocation_marks"]))
	assert.Equal(t, map[string]float64{"issuer=main kind=event outcome=revoked reason=none": 1}, values(direct["bearerguard_signals_total"]))
	assert.Equal(t, map[string]float64{"outcome=ok": 1, "outcome=failed": 0}, values(direct["bearerguard_reloads_total"]))
}

// values are those of a family, counts of histograms, by their labels.
func values(family *dto.MetricFamily) map[string]float64 {
	all := map[string]float64{}
	for _, m := range family.GetMetric() {
		var own []string
		for _, pair := range m.GetLabel() {
			if !strings.HasPrefix(pair.GetName(), "otel_scope_") {
				own = append(own, pair.GetName()+"="+pair.GetValue())
			}
		}
		slices.Sort(own)
		all[strings.Join(own, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return all
}
