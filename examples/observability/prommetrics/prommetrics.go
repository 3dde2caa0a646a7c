// Package prommetrics counts what bearerguard decides and reads, for Prometheus. It is
// one file, to be copied: it needs client_golang and nothing else.
//
// Every label is from a closed set: names of configured issuers, and what package
// validator calls safe as a label. Nothing that a caller sends becomes a series.
package prommetrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// Metrics are the counters of what happens. They are safe for concurrent use, and live on
// through reloads of the configuration.
type Metrics struct {
	decisions, accepted, keyChanges, signals, fleet, reloads *prometheus.CounterVec
	reads, waits                                             *prometheus.HistogramVec
}

// New registers the counters. It panics on a registry that has them already.
func New(registry prometheus.Registerer) *Metrics {
	to := promauto.With(registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return to.NewCounterVec(prometheus.CounterOpts{Name: "bearerguard_" + name, Help: help}, labels)
	}
	seconds := func(name, help string, labels ...string) *prometheus.HistogramVec {
		// A question may take 5 s, and what it needs before it as long again.
		buckets := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
		return to.NewHistogramVec(prometheus.HistogramOpts{Name: "bearerguard_" + name, Help: help, Buckets: buckets}, labels)
	}
	m := &Metrics{
		decisions:  counter("decisions_total", "Decisions on requests, by the class and the reason of the answer.", "issuer", "class", "reason"),
		accepted:   counter("accepted_total", "Accepted tokens, by how they were established and whether from memory.", "issuer", "origin", "cache"),
		reads:      seconds("read_duration_seconds", "What was read from an issuer: keys, introspection, status_list.", "issuer", "what", "outcome"),
		waits:      seconds("wait_duration_seconds", "How long calls waited for what was read.", "issuer", "what"),
		keyChanges: counter("key_changes_total", "Fetches that brought other keys than before.", "issuer"),
		signals:    counter("signals_total", "What issuers told of revocations.", "issuer", "kind", "outcome", "reason"),
		fleet:      counter("fleet_uses_total", "Uses of the store that replicas share.", "issuer", "outcome"),
		reloads:    counter("reloads_total", "Reloads of the configuration.", "outcome"),
	}
	for _, failed := range []bool{false, true} {
		m.reloads.WithLabelValues(outcome(failed)) // from 0, or the first failure would be no increase
	}
	return m
}

// Observer is for validator.Config.
func (m *Metrics) Observer() validator.Observer {
	return validator.Observer{
		Decision: m.decision,
		Wait: func(_ context.Context, w validator.Wait) {
			m.waits.WithLabelValues(w.Issuer, string(w.For)).Observe(w.Took.Seconds())
		},
		KeyFetch: func(f validator.KeyFetch) {
			m.read(f.Issuer, validator.WaitKeys, f.Err != nil, f.Took)
			if f.Changed {
				m.keyChanges.WithLabelValues(f.Issuer).Inc()
			}
		},
		Introspection: func(i validator.Introspection) {
			// That a token is not good is an answer too.
			m.read(i.Issuer, validator.WaitIntrospection, i.Err != nil && i.Err.Class == validator.ErrUnavailable, i.Took)
		},
		StatusFetch: func(f validator.StatusFetch) { m.read(f.Issuer, validator.WaitStatusList, f.Err != nil, f.Took) },
		Signal:      m.signal,
		Fleet:       func(e validator.FleetEvent) { m.fleet.WithLabelValues(e.Issuer, string(e.Outcome)).Inc() },
	}
}

// Reloaded counts a reload of the configuration: the error is that of
// validator.WithConfig, or of reading the file.
func (m *Metrics) Reloaded(err error) { m.reloads.WithLabelValues(outcome(err != nil)).Inc() }

func (m *Metrics) decision(_ context.Context, d validator.Decision) {
	class, reason := d.Err.Labels()
	m.decisions.WithLabelValues(issuer(d.Issuer), class, reason).Inc()
	if d.Err != nil {
		return
	}
	m.accepted.WithLabelValues(d.Issuer, string(d.Token.Origin()), cache(d)).Inc()
}

func (m *Metrics) read(issuer string, what validator.WaitFor, failed bool, took time.Duration) {
	m.reads.WithLabelValues(issuer, string(what), outcome(failed)).Observe(took.Seconds())
}

func (m *Metrics) signal(_ context.Context, s validator.Signal) {
	_, reason := s.Err.Labels()
	outcome := string(s.Outcome)
	if s.Err != nil {
		outcome = "refused"
	}
	m.signals.WithLabelValues(issuer(s.Issuer), string(s.Kind), outcome, reason).Inc()
}

// issuer is the label of what named no configured issuer, too: those are one series,
// however many there are.
func issuer(name string) string {
	if name == "" {
		return "none"
	}
	return name
}

func cache(d validator.Decision) string {
	switch {
	case d.Stale:
		return "stale"
	case d.Cached:
		return "hit"
	}
	return "miss"
}

func outcome(failed bool) string {
	if failed {
		return "failed"
	}
	return "ok"
}

// State collects what is the case when Prometheus asks. Register it once.
type State struct {
	// Validator returns the one in force, which a reload replaces. Required.
	Validator func() *validator.Validator
	// Revocations are those of validator.Config; nil: none.
	Revocations *validator.Revocations
	// Replays are those of dpop.Config; nil: none in the memory of this process.
	Replays *dpop.Memory
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bearerguard_"+name, help, labels, nil)
}

var (
	keys            = gauge("keys", "Usable keys that are known.", "issuer")
	keysSkipped     = gauge("keys_skipped", "Keys of the set that cannot be used.", "issuer")
	keysFetched     = gauge("keys_fetched_timestamp_seconds", "When the keys that are known were asked for.", "issuer")
	keysFailures    = gauge("keys_failures", "Fetches of keys that failed, in a row.", "issuer")
	keysStale       = gauge("keys_stale", "1: the keys are older than KeyMaxStale, and not used.", "issuer")
	circuitOpen     = gauge("introspection_circuit_open", "1: questions are suspended, or being tried again.", "issuer")
	circuitOpenings = gauge("introspection_circuit_openings_total", "How often questions were suspended.", "issuer")
	inFlight        = gauge("introspection_in_flight", "Questions on their way.", "issuer")
	waiting         = gauge("introspection_waiting", "Questions that wait for their turn.", "issuer")
	cacheEntries    = gauge("cache_entries", "Good tokens that are known.")
	cacheEvictions  = gauge("cache_evictions_total", "Good tokens that had to leave for others.")
	marks           = gauge("revocation_marks", "Revocations that are remembered one by one.")
	marksLimit      = gauge("revocation_marks_limit", "How many can be.")
	folded          = gauge("revocation_folded_total", "Revocations that count for their whole issuer for want of room.")
	feedBehind      = gauge("revocation_feed_behind", "1: revocations that were made elsewhere may be missing.")
	watched         = gauge("watched_streams", "Streams that end when their token is revoked.")
	proofs          = gauge("replay_proofs", "DPoP proofs that are remembered.")
	proofsLimit     = gauge("replay_proofs_limit", "How many can be.")
)

// Describe implements prometheus.Collector.
func (s State) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		keys, keysSkipped, keysFetched, keysFailures, keysStale, circuitOpen, circuitOpenings, inFlight, waiting,
		cacheEntries, cacheEvictions, marks, marksLimit, folded, feedBehind, watched, proofs, proofsLimit,
	} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (s State) Collect(to chan<- prometheus.Metric) {
	put := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	count := func(desc *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
	}
	v := s.Validator()
	for _, is := range v.Status() {
		if k := is.Keys; k != nil {
			put(keys, float64(len(k.Keys)), is.Name)
			put(keysSkipped, float64(len(k.Skipped)), is.Name)
			put(keysFailures, float64(k.Failures), is.Name)
			put(keysStale, number(k.Stale), is.Name)
			if !k.Fetched.IsZero() {
				put(keysFetched, float64(k.Fetched.Unix()), is.Name)
			}
		}
		if q := is.Introspection; q != nil {
			put(circuitOpen, number(q.Open), is.Name)
			count(circuitOpenings, q.Openings, is.Name)
			put(inFlight, float64(q.InFlight), is.Name)
			put(waiting, float64(q.Waiting), is.Name)
		}
	}
	cached := v.CacheStats()
	put(cacheEntries, float64(cached.Entries))
	count(cacheEvictions, cached.Evictions)
	if s.Revocations != nil {
		r := s.Revocations.Status()
		put(marks, float64(r.Marks))
		put(marksLimit, float64(r.MaxMarks))
		count(folded, r.Folded)
		put(feedBehind, number(r.Feed.Behind))
		put(watched, float64(r.Watched))
	}
	if s.Replays != nil {
		r := s.Replays.Status()
		put(proofs, float64(r.Proofs))
		put(proofsLimit, float64(r.Capacity))
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
