package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var language = parser.NewParser(parser.Options{})

// alerts are the rules of alerts.yaml, by name, as Prometheus itself reads them.
func alerts(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile("alerts.yaml")
	require.NoError(t, err)
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	rules := map[string]rulefmt.Rule{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			require.NotContains(t, rules, rule.Alert)
			rules[rule.Alert] = rule
		}
	}
	require.NotEmpty(t, rules)
	return rules
}

// TestAlertsAskForWhatThereIs: every query names metrics and labels that the adapters
// export. The rules say how urgent they are, and docs/observing.md what to do.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	guide, err := os.ReadFile("../../docs/observing.md")
	require.NoError(t, err)
	exported := scraped(t)
	for name, rule := range alerts(t) {
		assertExported(t, exported, name, rule.Expr)
		assert.Contains(t, []string{"page", "ticket"}, rule.Labels["severity"], name)
		assert.NotEmpty(t, rule.Annotations["summary"], name)
		assert.True(t, strings.Contains(string(guide), "| `"+name+"` | "+rule.Labels["severity"]+" |"), "%s is not in docs/observing.md", name)
	}
}

// step is how often Prometheus asks.
const step = 30 * time.Second

// TestAlertsFire: in half an hour of each trouble, exactly the alerts fire that are about
// it, by what the adapter really exports; and none on a good day.
func TestAlertsFire(t *testing.T) {
	rules := alerts(t)
	fired := map[string]bool{}
	for name, tc := range map[string]struct {
		happens func(w *world, i int) // at each step
		fires   []string
	}{
		"a good day": {func(w *world, i int) {
			if i == 20 {
				w.as.Rotate("ES256")
			}
			w.try(w.token(validatortest.Expiry(w.clock().Add(-time.Hour))), "", "garbage")
			w.metrics.Reloaded(nil)
			w.use(1)
		}, nil},
		"keys cannot be fetched": {func(w *world, _ int) { w.as.SetKeysMode(validatortest.ModeError) },
			[]string{"BearerguardKeyFetchFailing", "BearerguardKeysStale"}}, // the issuer is asked about the tokens themselves
		"the issuer is down": {func(w *world, _ int) { w.as.SetMode(validatortest.ModeError) },
			[]string{"BearerguardIntrospectionSuspended", "BearerguardKeyFetchFailing", "BearerguardKeysStale", "BearerguardUndecided"}},
		"the key set is empty": {func(w *world, _ int) { w.as.ServeKeySet([]byte(`{"keys":[]}`)) },
			[]string{"BearerguardNoKeys"}},
		"a flood of keys that there are not": {func(w *world, _ int) {
			for i := range 10 {
				w.try(w.token(validatortest.HeaderParam("kid", fmt.Sprint("none-", i))))
			}
		}, []string{"BearerguardUnknownKeys"}},
		"introspection is down": {func(w *world, _ int) {
			w.as.SetIntrospectionMode(validatortest.ModeError)
			w.try(w.opaque(5)...)
		}, []string{"BearerguardIntrospectionSuspended", "BearerguardUndecided"}},
		"the secret was changed": {func(w *world, _ int) {
			w.as.AddClient(apiID, "another secret")
			w.try(w.opaque(1)...)
		}, []string{"BearerguardOwnCredentials", "BearerguardUndecided"}},
		"forgers": {func(w *world, _ int) {
			for range 4 {
				w.try(w.token() + "AAAA")
			}
		}, []string{"BearerguardBadSignatures"}},
		"the audience was changed": {func(w *world, _ int) {
			for range 10 {
				w.try(w.token(validatortest.Audience("api://new")))
			}
		}, []string{"BearerguardRefusals"}},
		"a clock is slow": {func(w *world, _ int) {
			w.try(w.token(validatortest.Claim("iat", w.clock().Add(5*time.Minute).Unix())))
		}, []string{"BearerguardClock"}},
		"signals of users by their addresses": {func(w *world, i int) {
			if i != 10 {
				return
			}
			event := w.as.EventToken(eventsFor, "https://schemas.openid.net/secevent/caep/event-type/session-revoked", map[string]any{
				"subject": map[string]any{"format": "email", "email": "jane@example.com"},
			})
			_, _ = w.v.ReceiveEvent(context.Background(), event)
		}, []string{"BearerguardSignals"}},
		"more revocations than there is room for": {func(w *world, i int) {
			for n := range 10 {
				_ = w.revocations.Revoke(validator.Revocation{Issuer: w.as.Issuer(), TokenID: fmt.Sprint(i, "-", n)})
			}
		}, []string{"BearerguardRevocationsFolded"}},
		"the feed of revocations is cut": {func(w *world, i int) {
			if i == 40 {
				w.feed.Behind("cut", 0)
			}
		}, []string{"BearerguardRevocationFeedBehind"}},
		"the shared store is down": {func(w *world, _ int) {
			w.metrics.Observer().Fleet(validator.FleetEvent{Issuer: "main", Outcome: validator.FleetUnavailable})
		}, []string{"BearerguardFleetStore"}},
		"more proofs than there is room for": {func(w *world, _ int) { w.use(9) }, []string{"BearerguardReplayStoreFull"}},
		"a mistake in the configuration": {func(w *world, i int) {
			if i == 50 {
				_, err := w.v.WithConfig(validator.Config{})
				w.metrics.Reloaded(err)
			}
		}, []string{"BearerguardReloadFailed"}},
		"a slow issuer": {func(w *world, _ int) {
			w.metrics.Observer().Wait(context.Background(), validator.Wait{Issuer: "main", For: validator.WaitIntrospection, Took: 3 * time.Second})
		}, []string{"BearerguardSlow"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, h := newWorld(t), history{}
			w.feed.CaughtUp(w.feed.Issuers())
			w.try(w.token())
			h.note(t, w)
			for i := range 60 {
				w.advance(step)
				tc.happens(w, i)
				for range 5 {
					w.try(w.token())
				}
				h.note(t, w)
			}
			var firing []string
			for alert, rule := range rules {
				if h.firing(t, rule, w.clock()) {
					firing, fired[alert] = append(firing, alert), true
				}
			}
			assert.ElementsMatch(t, tc.fires, firing)
		})
	}
	assert.Equal(t, slices.Sorted(maps.Keys(rules)), slices.Sorted(maps.Keys(fired)), "each alert fires in some trouble")
}

// history is what Prometheus has stored, by the text of the series' labels.
type history map[string]*line

type line struct {
	labels  []string // in pairs
	samples []chunks.Sample
}

// sample is a chunks.Sample of a number.
type sample struct {
	chunks.Sample // of histograms, which this is none of
	at            int64
	value         float64
}

func (s sample) T() int64               { return s.at }
func (sample) ST() int64                { return 0 }
func (s sample) F() float64             { return s.value }
func (sample) Type() chunkenc.ValueType { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample    { return s }

// note stores a scrape.
func (h history) note(t *testing.T, w *world) {
	t.Helper()
	families, err := w.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			own := []string{}
			for _, pair := range m.GetLabel() {
				own = append(own, pair.GetName(), pair.GetValue())
			}
			put := func(value float64, name string, more ...string) {
				set := append(append([]string{"__name__", name}, own...), more...)
				key := strings.Join(set, "\x00")
				if h[key] == nil {
					h[key] = &line{labels: set}
				}
				h[key].samples = append(h[key].samples, sample{at: w.clock().UnixMilli(), value: value})
			}
			switch family.GetType() {
			case dto.MetricType_COUNTER:
				put(m.GetCounter().GetValue(), family.GetName())
			case dto.MetricType_GAUGE:
				put(m.GetGauge().GetValue(), family.GetName())
			case dto.MetricType_HISTOGRAM:
				count := float64(m.GetHistogram().GetSampleCount())
				for _, bucket := range m.GetHistogram().GetBucket() {
					put(float64(bucket.GetCumulativeCount()), family.GetName()+"_bucket", "le", strconv.FormatFloat(bucket.GetUpperBound(), 'g', -1, 64))
				}
				put(count, family.GetName()+"_bucket", "le", "+Inf")
				put(count, family.GetName()+"_count")
				put(m.GetHistogram().GetSampleSum(), family.GetName()+"_sum")
			default:
				t.Errorf("%s is a %v", family.GetName(), family.GetType())
			}
		}
	}
}

// selected is what storage.Querier selects.
func (h history) selected(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, l := range h {
		set := labels.FromStrings(l.labels...)
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(set.Get(m.Name)) }) {
			found = append(found, storage.NewListSeries(set, l.samples))
		}
	}
	return &series{found: found}
}

// series is a storage.SeriesSet.
type series struct {
	found []storage.Series
	next  int
}

func (s *series) Next() bool                      { s.next++; return s.next <= len(s.found) }
func (s *series) At() storage.Series              { return s.found[s.next-1] }
func (*series) Err() error                        { return nil }
func (*series) Warnings() annotations.Annotations { return nil }

// firing reports whether an alert fires at that time: its query has had the same result
// for as long as the rule wants.
func (h history) firing(t *testing.T, rule rulefmt.Rule, at time.Time) bool {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: language})
	defer engine.Close()
	for instant := at.Add(-time.Duration(rule.For)); !instant.After(at); instant = instant.Add(step) {
		query, err := engine.NewInstantQuery(t.Context(), &storage.MockQueryable{MockQuerier: &storage.MockQuerier{SelectMockFunction: h.selected}}, nil, rule.Expr, instant)
		require.NoError(t, err)
		result := query.Exec(t.Context())
		require.NoError(t, result.Err)
		vector, err := result.Vector()
		require.NoError(t, err)
		query.Close()
		if len(vector) == 0 {
			return false
		}
	}
	return true
}
