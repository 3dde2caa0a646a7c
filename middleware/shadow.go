package middleware

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"sync"

	"github.com/bearerguard/bearerguard/middleware/internal/reply"
	"github.com/bearerguard/bearerguard/validator"
)

// Shadow tries a stricter policy on real requests before it is enforced: what it
// would refuse is counted and logged, and the requests go on unaffected. It is safe
// for concurrent use.
type Shadow struct {
	guard  *Guard
	policy *validator.Policy

	mu      sync.Mutex // guards all below
	seen    uint64
	refused map[validator.Reason]uint64 // reasons are a closed set
}

// Shadow returns a shadow of a stricter policy. It panics on a policy that this
// Guard's Validator cannot evaluate, as Require does.
func (g *Guard) Shadow(stricter validator.Policy) *Shadow {
	return &Shadow{guard: g, policy: g.checked(stricter), refused: map[validator.Reason]uint64{}}
}

// Handler is the middleware. It goes inside of Require, or around a handler of
// Routes, and looks at the token that these found good; a request without one (of
// an Optional or Public route) would be refused. The policy is evaluated by
// Policy.Check: it asks no issuer, so Policy.Fresh is judged by what was answered
// before, and Policy.Permit is called once more. If that panics, the request does
// not notice, and the reason is ReasonPermitUnavailable.
func (s *Shadow) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.try(r)
		next.ServeHTTP(w, r)
	})
}

// Counts returns how many requests were looked at since the start, and how many
// of them would have been refused, by reason.
func (s *Shadow) Counts() (seen uint64, refused map[validator.Reason]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen, maps.Clone(s.refused)
}

func (s *Shadow) try(r *http.Request) {
	err := s.check(r.Context())
	s.count(err)
	if err == nil || s.guard.logger == nil {
		return
	}
	defer func() { _ = recover() }() // of the logger's handler
	e := reply.Refusal(err)
	s.guard.logger.LogAttrs(r.Context(), slog.LevelInfo, "access token would be refused",
		slog.String("pattern", r.Pattern), slog.String("reason", string(e.Reason)), slog.String("error", e.Error()))
}

func (s *Shadow) check(ctx context.Context) (err error) {
	defer func() {
		if recover() != nil { // what it says may hold anything
			err = validator.NewError(validator.ReasonPermitUnavailable, "Permit panicked")
		}
	}()
	token, _ := validator.FromContext(ctx)
	return s.policy.Check(ctx, token)
}

func (s *Shadow) count(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	if err != nil {
		s.refused[reply.Refusal(err).Reason]++
	}
}
