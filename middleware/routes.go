package middleware

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/bearerguard/bearerguard/validator"
)

// Routes is an http.Handler that denies by default. It owns an http.ServeMux, whose
// patterns it takes, and nothing gets past it but what a pattern says:
//
//   - Handle: who has a token that the policy permits,
//   - Optional: the same, and who has none,
//   - Public: everybody.
//
// What no pattern is for is 401 without a token, and 403 with a good one. So the
// mux never answers 404: for authenticated callers, say so yourself with
// Handle("/", validator.Policy{AnyToken: true}, http.NotFoundHandler()). It
// answers 405 only to a good token which is permitted what a pattern of another
// method has at that path. Its redirects, to a cleaner path or to one with a slash
// at its end, belong to the route they lead to and are answered as that route
// would answer, so that nobody learns from them what is there.
//
// A CONNECT request is for patterns only that name the method CONNECT. OPTIONS is a
// method like any other: a CORS middleware, which answers preflight requests without
// a token, goes outside. Paths are matched as ServeMux does: "%2F" in a path
// separates nothing, so a wildcard may hold "../admin".
//
// Mistakes panic when they are made, as with ServeMux: a bad pattern, one that is in
// conflict with another, a nil handler, a policy that the Guard's Validator cannot
// evaluate. Routes is safe for concurrent use, and routes may be added while it
// serves.
type Routes struct {
	guard *Guard
	mux   *http.ServeMux

	mu        sync.RWMutex // guards all below
	routes    []*route
	byPattern map[string]*route
}

// Routes returns a new set of routes, without any: it refuses everything.
func (g *Guard) Routes() *Routes {
	return &Routes{guard: g, mux: http.NewServeMux(), byPattern: map[string]*route{}}
}

// Handle serves requests whose token is good and permits what the policy asks, as
// Require does; inside, validator.FromContext returns the token.
func (rt *Routes) Handle(pattern string, policy validator.Policy, handler http.Handler) {
	rt.add(&route{guard: rt.guard, pattern: pattern, access: AccessProtected, policy: rt.guard.checked(policy), handler: handler})
}

// Optional serves requests without a token too: validator.FromContext then reports
// false, whatever a middleware further out has put in. Without means that there is
// no Authorization header, or an empty one, and no token in the query. Everything
// else is answered as Handle does: what is there and bad is refused, and so is
// another scheme than those accepted, for who sends it means to be somebody.
func (rt *Routes) Optional(pattern string, policy validator.Policy, handler http.Handler) {
	rt.add(&route{guard: rt.guard, pattern: pattern, access: AccessOptional, policy: rt.guard.checked(policy), handler: handler})
}

// Public serves every request as it came: an Authorization header is not looked at.
func (rt *Routes) Public(pattern string, handler http.Handler) {
	rt.add(&route{guard: rt.guard, pattern: pattern, access: AccessPublic, handler: handler})
}

func (rt *Routes) add(e *route) {
	if f, ok := e.handler.(http.HandlerFunc); e.handler == nil || ok && f == nil {
		panic(fmt.Errorf("middleware: the handler of %q is nil", e.pattern))
	}
	e.connect = namesConnect(e.pattern)
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.mux.Handle(e.pattern, e)
	rt.routes, rt.byPattern[e.pattern] = append(rt.routes, e), e
}

// ServeHTTP decides on the request and serves it.
func (rt *Routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := &turnstile{w: w}
	rt.mux.ServeHTTP(t, r)
	if !t.passed {
		rt.unmatched(w, r, t)
	}
}

// lookup is the route of a pattern; nil: there is none.
func (rt *Routes) lookup(pattern string) *route {
	rt.mu.RLock()
	defer rt.mu.RUnlock()
	return rt.byPattern[pattern]
}
