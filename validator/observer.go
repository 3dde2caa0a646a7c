package validator

import (
	"context"
	"log/slog"

	"github.com/bearerguard/bearerguard/jwks"
)

// Observer is told what happens. Each function may be nil; each is called
// synchronously, so it should only count, and must be safe for concurrent use.
type Observer struct {
	// Decision is called once for every call of Validate, ValidateWith and Refused,
	// with the context of that call.
	Decision func(context.Context, Decision)
	// KeyFetch is called after every fetch of a key set, before those who wait for
	// it go on.
	KeyFetch func(KeyFetch)
}

// Decision is the outcome of one validation.
type Decision struct {
	// Issuer is the Name of the configured issuer; empty when the token named none.
	Issuer string
	// Err is nil when the token was accepted.
	Err *Error
	// Cached: the facts came from the cache.
	Cached bool
	// Token is the token whose signature verified, accepted or not; nil for any
	// other, because what an unverified token says about its subject is not known
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

func (w *witness) logFetch(f KeyFetch) {
	switch {
	case w.logger == nil:
	case f.Err != nil:
		w.logger.Warn("key set unavailable", "issuer", f.Issuer, "error", f.Err, "keys", f.Keys)
	default:
		w.logger.Info("key set read", "issuer", f.Issuer, "keys", f.Keys, "skipped", f.Skipped, "changed", f.Changed)
	}
}
