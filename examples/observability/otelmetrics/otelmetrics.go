// Package otelmetrics counts what bearerguard decides and reads, for OpenTelemetry. It is
// one file, to be copied: it needs the metric API and nothing else.
//
// The metrics are those of prommetrics: exported for Prometheus they have the same names
// and labels, so that one dashboard and one set of alerts serve both. Every attribute is
// from a closed set: names of configured issuers, and what package validator calls safe as
// a label. Nothing that a caller sends becomes a series.
package otelmetrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

const scope = "github.com/bearerguard/bearerguard/examples/observability/otelmetrics"

// Metrics are the counters of what happens. They are safe for concurrent use, and live on
// through reloads of the configuration.
type Metrics struct {
	decisions, accepted, keyChanges, signals, fleet, reloads metric.Int64Counter
	reads, waits                                             metric.Float64Histogram

	mu   sync.RWMutex
	sets map[[8]string]metric.MeasurementOption // as many as there are series
}

// New makes the instruments, of a meter of provider.
func New(provider metric.MeterProvider) (*Metrics, error) {
	meter := provider.Meter(scope)
	var errs []error
	counter := func(name, description string) metric.Int64Counter {
		c, err := meter.Int64Counter("bearerguard."+name, metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	seconds := func(name, description string) metric.Float64Histogram {
		// A question may take 5 s, and what it needs before it as long again.
		h, err := meter.Float64Histogram("bearerguard."+name, metric.WithDescription(description), metric.WithUnit("s"),
			metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
		errs = append(errs, err)
		return h
	}
	m := &Metrics{
		sets:       map[[8]string]metric.MeasurementOption{},
		decisions:  counter("decisions", "Decisions on requests, by the class and the reason of the answer."),
		accepted:   counter("accepted", "Accepted tokens, by how they were established and whether from memory."),
		reads:      seconds("read_duration", "What was read from an issuer: keys, introspection, status_list."),
		waits:      seconds("wait_duration", "How long calls waited for what was read."),
		keyChanges: counter("key_changes", "Fetches that brought other keys than before."),
		signals:    counter("signals", "What issuers told of revocations."),
		fleet:      counter("fleet_uses", "Uses of the store that replicas share."),
		reloads:    counter("reloads", "Reloads of the configuration."),
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, failed := range []bool{false, true} {
		// From 0, or the first failure would be no increase.
		m.reloads.Add(context.Background(), 0, m.with("outcome", outcome(failed)))
	}
	return m, nil
}

// Observer is for validator.Config.
func (m *Metrics) Observer() validator.Observer {
	return validator.Observer{
		Decision: m.decision,
		Wait: func(ctx context.Context, w validator.Wait) {
			m.waits.Record(ctx, w.Took.Seconds(), m.with("issuer", w.Issuer, "what", string(w.For)))
		},
		KeyFetch: func(f validator.KeyFetch) {
			m.read(f.Issuer, validator.WaitKeys, f.Err != nil, f.Took)
			if f.Changed {
				m.keyChanges.Add(context.Background(), 1, m.with("issuer", f.Issuer))
			}
		},
		Introspection: func(i validator.Introspection) {
			// That a token is not good is an answer too.
			m.read(i.Issuer, validator.WaitIntrospection, i.Err != nil && i.Err.Class == validator.ErrUnavailable, i.Took)
		},
		StatusFetch: func(f validator.StatusFetch) { m.read(f.Issuer, validator.WaitStatusList, f.Err != nil, f.Took) },
		Signal:      m.signal,
		Fleet: func(e validator.FleetEvent) {
			m.fleet.Add(context.Background(), 1, m.with("issuer", e.Issuer, "outcome", string(e.Outcome)))
		},
	}
}

// Reloaded counts a reload of the configuration: the error is that of
// validator.WithConfig, or of reading the file.
func (m *Metrics) Reloaded(err error) {
	m.reloads.Add(context.Background(), 1, m.with("outcome", outcome(err != nil)))
}

func (m *Metrics) decision(ctx context.Context, d validator.Decision) {
	class, reason := d.Err.Labels()
	m.decisions.Add(ctx, 1, m.with("issuer", issuer(d.Issuer), "class", class, "reason", reason))
	if d.Err == nil {
		m.accepted.Add(ctx, 1, m.with("issuer", d.Issuer, "origin", string(d.Token.Origin()), "cache", cache(d)))
	}
}

func (m *Metrics) read(issuer string, what validator.WaitFor, failed bool, took time.Duration) {
	m.reads.Record(context.Background(), took.Seconds(), m.with("issuer", issuer, "what", string(what), "outcome", outcome(failed)))
}

func (m *Metrics) signal(ctx context.Context, s validator.Signal) {
	_, reason := s.Err.Labels()
	outcome := string(s.Outcome)
	if s.Err != nil {
		outcome = "refused"
	}
	m.signals.Add(ctx, 1, m.with("issuer", issuer(s.Issuer), "kind", string(s.Kind), "outcome", outcome, "reason", reason))
}

// with are attributes, in pairs. They are made once, and then looked up: that costs a
// tenth.
func (m *Metrics) with(pairs ...string) metric.MeasurementOption {
	var key [8]string
	copy(key[:], pairs)
	m.mu.RLock()
	set, known := m.sets[key]
	m.mu.RUnlock()
	if known {
		return set
	}
	attributes := make([]attribute.KeyValue, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		attributes = append(attributes, attribute.String(pairs[i], pairs[i+1]))
	}
	set = metric.WithAttributeSet(attribute.NewSet(attributes...))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sets[key] = set
	return set
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

// State is what is the case when somebody asks.
type State struct {
	// Validator returns the one in force, which a reload replaces. Required.
	Validator func() *validator.Validator
	// Revocations are those of validator.Config; nil: none.
	Revocations *validator.Revocations
	// Replays are those of dpop.Config; nil: none in the memory of this process.
	Replays *dpop.Memory
}

// Register makes the instruments, and observes them whenever the provider collects.
// Register it once.
func (s State) Register(provider metric.MeterProvider) error {
	meter := provider.Meter(scope)
	var errs []error
	var all []metric.Observable
	gauge := func(name, description string, options ...metric.Int64ObservableGaugeOption) metric.Int64Observable {
		g, err := meter.Int64ObservableGauge("bearerguard."+name, append(options, metric.WithDescription(description))...)
		errs, all = append(errs, err), append(all, g)
		return g
	}
	counter := func(name, description string) metric.Int64Observable {
		c, err := meter.Int64ObservableCounter("bearerguard."+name, metric.WithDescription(description))
		errs, all = append(errs, err), append(all, c)
		return c
	}
	i := instruments{
		keys:            gauge("keys", "Usable keys that are known."),
		keysSkipped:     gauge("keys_skipped", "Keys of the set that cannot be used."),
		keysFetched:     gauge("keys_fetched_timestamp", "When the keys that are known were asked for.", metric.WithUnit("s")),
		keysFailures:    gauge("keys_failures", "Fetches of keys that failed, in a row."),
		keysStale:       gauge("keys_stale", "1: the keys are older than KeyMaxStale, and not used."),
		circuitOpen:     gauge("introspection_circuit_open", "1: questions are suspended, or being tried again."),
		circuitOpenings: counter("introspection_circuit_openings", "How often questions were suspended."),
		inFlight:        gauge("introspection_in_flight", "Questions on their way."),
		waiting:         gauge("introspection_waiting", "Questions that wait for their turn."),
		cacheEntries:    gauge("cache_entries", "Good tokens that are known."),
		cacheEvictions:  counter("cache_evictions", "Good tokens that had to leave for others."),
		marks:           gauge("revocation_marks", "Revocations that are remembered one by one."),
		marksLimit:      gauge("revocation_marks_limit", "How many can be."),
		folded:          counter("revocation_folded", "Revocations that count for their whole issuer for want of room."),
		feedBehind:      gauge("revocation_feed_behind", "1: revocations that were made elsewhere may be missing."),
		watched:         gauge("watched_streams", "Streams that end when their token is revoked."),
		proofs:          gauge("replay_proofs", "DPoP proofs that are remembered."),
		proofsLimit:     gauge("replay_proofs_limit", "How many can be."),
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		s.observe(to, &i)
		return nil
	}, all...)
	return err
}

type instruments struct {
	keys, keysSkipped, keysFetched, keysFailures, keysStale metric.Int64Observable
	circuitOpen, circuitOpenings, inFlight, waiting         metric.Int64Observable
	cacheEntries, cacheEvictions                            metric.Int64Observable
	marks, marksLimit, folded, feedBehind, watched          metric.Int64Observable
	proofs, proofsLimit                                     metric.Int64Observable
}

func (s State) observe(to metric.Observer, i *instruments) {
	v := s.Validator()
	for _, is := range v.Status() {
		of := metric.WithAttributes(attribute.String("issuer", is.Name))
		if k := is.Keys; k != nil {
			to.ObserveInt64(i.keys, int64(len(k.Keys)), of)
			to.ObserveInt64(i.keysSkipped, int64(len(k.Skipped)), of)
			to.ObserveInt64(i.keysFailures, int64(k.Failures), of)
			to.ObserveInt64(i.keysStale, number(k.Stale), of)
			if !k.Fetched.IsZero() {
				to.ObserveInt64(i.keysFetched, k.Fetched.Unix(), of)
			}
		}
		if q := is.Introspection; q != nil {
			to.ObserveInt64(i.circuitOpen, number(q.Open), of)
			to.ObserveInt64(i.circuitOpenings, int64(q.Openings), of)
			to.ObserveInt64(i.inFlight, int64(q.InFlight), of)
			to.ObserveInt64(i.waiting, int64(q.Waiting), of)
		}
	}
	cached := v.CacheStats()
	to.ObserveInt64(i.cacheEntries, int64(cached.Entries))
	to.ObserveInt64(i.cacheEvictions, int64(cached.Evictions))
	if s.Revocations != nil {
		r := s.Revocations.Status()
		to.ObserveInt64(i.marks, int64(r.Marks))
		to.ObserveInt64(i.marksLimit, int64(r.MaxMarks))
		to.ObserveInt64(i.folded, int64(r.Folded))
		to.ObserveInt64(i.feedBehind, number(r.Feed.Behind))
		to.ObserveInt64(i.watched, int64(r.Watched))
	}
	if s.Replays != nil {
		r := s.Replays.Status()
		to.ObserveInt64(i.proofs, int64(r.Proofs))
		to.ObserveInt64(i.proofsLimit, int64(r.Capacity))
	}
}

func number(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
