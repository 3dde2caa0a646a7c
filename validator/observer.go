package validator

import (
	"context"
	"log/slog"
	"time"

	"github.com/bearerguard/bearerguard/jwks"
)

// Observer is told what happens: of every decision, of everything that is read from an
// issuer, of who waited for that, and of what issuers tell. The set is closed. What is
// the case at a moment, such as how old the keys are, is no event: see Validator.Status and
// Revocations.Status. Each function may be nil; each is called
// synchronously, so it should only count, and must be safe for concurrent use.
type Observer struct {
	// Decision is called once for every call of Validate, ValidateWith and Refused,
	// with the context of that call.
	Decision func(context.Context, Decision)
	// Wait is called when a call has waited for something to be read from an issuer, with
	// the context of that call, before its Decision. What is read is shared: one KeyFetch,
	// Introspection or StatusFetch may have many who wait, or none.
	Wait func(context.Context, Wait)
	// KeyFetch is called after every fetch of a key set, before those who wait for
	// it go on.
	KeyFetch func(KeyFetch)
	// Introspection is called after every question to an issuer, before those who
	// wait for the answer go on.
	Introspection func(Introspection)
	// StatusFetch is called after every fetch of a status list, before those who wait
	// for it go on.
	StatusFetch func(StatusFetch)
	// Signal is called for every call of ReceiveEvent and ReceiveLogout, with the
	// context of that call.
	Signal func(context.Context, Signal)
	// Fleet is called for every use of a store of Config.Fleet, while those who wait for
	// what comes of it still do.
	Fleet func(FleetEvent)
}

// Decision is the outcome of one validation.
type Decision struct {
	// Issuer is the Name of the configured issuer; empty when the token named none.
	Issuer string
	// Err is nil when the token was accepted.
	Err *Error
	// Cached: the facts came from the cache.
	Cached bool
	// Stale: they are older than the issuer's setting, or the call, would have them,
	// and were accepted because the issuer cannot be asked (Issuer.StaleIfError).
	Stale bool
	// Token is the token whose signature verified, or that its issuer called active,
	// accepted or not; nil for any other, because what an unverified token says about its subject is not known
	// to be true.
	Token *Token
}

// KeyFetch is the outcome of one fetch of an issuer's keys.
type KeyFetch struct {
	// Issuer is the Name of the configured issuer.
	Issuer string
	// Err is nil when the set was read, or had not changed.
	Err error
	// Keys is how many usable keys are known now; Skipped those that cannot be
	// used, and why.
	Keys    int
	Skipped []jwks.Skipped
	// Changed: the set holds other keys than before.
	Changed bool
	// Shared: the set is one that another replica fetched (Fleet.Keys), and nobody was
	// asked; beside an Err, it stands in for what could not be had.
	Shared bool
	// Took is how long it took, by Config.Clock.
	Took time.Duration
	// Flight is its number, unique in this process. See Wait.
	Flight uint64
}

// Introspection is the outcome of one question to an issuer about a token.
type Introspection struct {
	// Issuer is the Name of the configured issuer.
	Issuer string
	// Err is nil when the token is good by the answer. Of class ErrInvalidToken it
	// says why it is not; of class ErrUnavailable, that there is no answer.
	Err *Error
	// Took is how long it took, waiting for its turn included, by Config.Clock.
	Took time.Duration
	// Flight is its number, unique in this process. See Wait.
	Flight uint64
}

// StatusFetch is the outcome of one fetch of a status list.
type StatusFetch struct {
	// Issuer is the Name of the configured issuer whose token named the list.
	Issuer string
	// Err is nil when the list was read, and else of class ErrUnavailable.
	Err *Error
	// Took is how long it took, by Config.Clock.
	Took time.Duration
	// Flight is its number, unique in this process. See Wait.
	Flight uint64
}

// WaitFor is what a call waited for. The set is closed: it is safe as a metric label.
type WaitFor string

// What calls wait for.
const (
	WaitKeys          WaitFor = "keys"          // KeyFetch
	WaitIntrospection WaitFor = "introspection" // Introspection, or a place in the queue
	WaitStatusList    WaitFor = "status_list"   // StatusFetch
)

// Wait is how long one call waited for something that is read from an issuer. A call that
// was answered from memory, or refused at once, did not wait.
type Wait struct {
	// Issuer is the Name of the configured issuer.
	Issuer string
	// For is what it waited for.
	For WaitFor
	// Took is how long it waited, by Config.Clock.
	Took time.Duration
	// Left: the call's own context ended before there was an outcome.
	Left bool
	// Flight is that of the KeyFetch, Introspection or StatusFetch. It was told before,
	// unless Left, or where nobody was asked: a queue or a circuit refused the question, or
	// a replica had answered it (Config.Fleet).
	Flight uint64
}

// witness passes events on to the observer and the logger in force. Key sources
// outlive a reload, so it is shared and its target replaced.
type witness struct {
	observer Observer
	logger   *slog.Logger
}

func (w *witness) decision(ctx context.Context, d Decision) {
	if w.observer.Decision != nil {
		w.observer.Decision(ctx, d)
	}
	if w.logger != nil && d.Err != nil {
		w.logRefusal(ctx, d)
	}
}

func (w *witness) logRefusal(ctx context.Context, d Decision) {
	level := slog.LevelInfo
	if d.Err.Class == ErrUnavailable && d.Err.Reason != ReasonCallerLeft {
		level = slog.LevelWarn
	}
	if !w.logger.Enabled(ctx, level) {
		return
	}
	w.logger.LogAttrs(ctx, level, "access token refused",
		slog.String("issuer", d.Issuer), slog.String("reason", string(d.Err.Reason)), slog.Bool("verified", d.Err.Verified),
		slog.String("error", d.Err.Error()))
}

func (w *witness) keyFetch(f KeyFetch) {
	w.logFetch(f)
	if w.observer.KeyFetch != nil {
		w.observer.KeyFetch(f)
	}
}

// introspection guards those who wait for the answer from a panic of the observer.
func (w *witness) introspection(i Introspection) {
	defer func() { _ = recover() }()
	if w.logger != nil && i.Err != nil && i.Err.Class == ErrUnavailable {
		w.logger.Warn("introspection failed", "issuer", i.Issuer, "reason", i.Err.Reason, "error", i.Err.Error())
	}
	if w.observer.Introspection != nil {
		w.observer.Introspection(i)
	}
}

// statusFetch guards those who wait for the list from a panic of the observer.
func (w *witness) statusFetch(f StatusFetch) {
	defer func() { _ = recover() }()
	if w.logger != nil && f.Err != nil {
		w.logger.Warn("status list unavailable", "issuer", f.Issuer, "error", f.Err.Error())
	}
	if w.observer.StatusFetch != nil {
		w.observer.StatusFetch(f)
	}
}

// waiting begins to measure how long a call waits, and returns whom to tell when that is
// over. nil: nobody wants to know.
func (w *witness) waiting(ctx context.Context, issuer string, what WaitFor, clock func() time.Time) func(flight uint64, left bool) {
	if w.observer.Wait == nil {
		return nil
	}
	began := clock()
	return func(flight uint64, left bool) {
		w.observer.Wait(ctx, Wait{issuer, what, clock().Sub(began), left, flight})
	}
}

func (w *witness) signal(ctx context.Context, s Signal) {
	if w.observer.Signal != nil {
		w.observer.Signal(ctx, s)
	}
	switch {
	case w.logger == nil:
	case s.Err == nil:
		w.logger.InfoContext(ctx, "signal received", "kind", s.Kind, "issuer", s.Issuer, "outcome", s.Outcome)
	default:
		level := slog.LevelInfo
		if s.Err.Class == ErrUnavailable {
			level = slog.LevelWarn
		}
		w.logger.Log(ctx, level, "signal refused", "kind", s.Kind, "issuer", s.Issuer, "reason", s.Err.Reason, "error", s.Err.Error())
	}
}

func (w *witness) logFetch(f KeyFetch) {
	switch {
	case w.logger == nil:
	case f.Err != nil:
		w.logger.Warn("key set unavailable", "issuer", f.Issuer, "error", f.Err, "keys", f.Keys)
	default:
		w.logger.Info("key set read", "issuer", f.Issuer, "keys", f.Keys, "skipped", f.Skipped, "changed", f.Changed)
	}
}
