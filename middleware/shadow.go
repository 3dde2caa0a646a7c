package middleware

import (
	"log/slog"
	"maps"
	"net/http"
	"sync"

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
// Policy.Check: a function in it is called once more, and its panic changes
// nothing.
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
	defer func() { _ = recover() }() // of the policy's function, or the logger's handler
	token, _ := validator.FromContext(r.Context())
	err := s.policy.Check(r.Context(), token)
	s.count(err)
	if s.guard.logger == nil || err == nil {
		return
	}
	e := refusal(err)
	s.guard.logger.LogAttrs(r.Context(), slog.LevelInfo, "access token would be refused",
		slog.String("pattern", r.Pattern), slog.String("reason", string(e.Reason)), slog.String("error", e.Error()))
}

func (s *Shadow) count(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	if err != nil {
		s.refused[refusal(err).Reason]++
	}
}
