package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// table is the routes of a file: Routes decides who may pass, and encoded which of
// them allow an ambiguous path.
type table struct {
	*middleware.Routes
	encoded *http.ServeMux
}

// mark is what encoded holds for a route: whether it has allow_encoded.
type mark bool

func (mark) ServeHTTP(http.ResponseWriter, *http.Request) {}

// addOwnPaths adds what is served before all routes. It is no route: a pattern for a host
// or a method would go before it, or be in conflict with it.
func (g *gateway) addOwnPaths() {
	paths := g.signalPaths()
	if g.AdminListen == "" {
		paths = append(g.health(), paths...)
	}
	g.own = make(map[string]http.Handler, len(paths))
	for _, own := range paths {
		if g.own[own.path] != nil {
			g.fault("revocation", own.path+" is another path of the gateway's own already") // health is there first
		}
		g.own[own.path] = own.handler
	}
}

// addRoutes adds the routes of the file. Patterns and policies that do not go are
// faults.
func (g *gateway) addRoutes(transport http.RoundTripper) {
	for i := range g.Routes {
		field, route := fmt.Sprintf("routes[%d]", i), &g.Routes[i]
		pattern := field + ".pattern"
		if g.AdminListen == "" && taken(g.health(), route.Pattern) {
			g.fault(pattern, "is the gateway's own path: give it admin_listen, or use another")
			continue
		}
		if taken(g.signalPaths(), route.Pattern) {
			g.fault(pattern, "is where issuers tell of revocations: use another")
			continue
		}
		policy := g.policy(field, route)
		if len(g.faults) > 0 {
			continue
		}
		if err := g.table.add(route.Pattern, route.AllowEncoded, func() {
			g.register(route, policy, g.proxy(route, transport))
		}); err != nil {
			g.fault(pattern, err.Error())
		}
	}
}

// add registers a pattern. ServeMux panics on a bad one, and on two that are in
// conflict.
func (t *table) add(pattern string, encoded bool, register func()) (err error) {
	defer func() {
		if mistake := recover(); mistake != nil {
			err = fmt.Errorf("%s", firstLine(fmt.Sprint(mistake)))
		}
	}()
	t.encoded.Handle(pattern, mark(encoded))
	register()
	return nil
}

var inOurCode = regexp.MustCompile(` \(registered at [^)]*\)`)

// firstLine is what a panic of ServeMux says, without where in our code.
func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return strings.TrimSuffix(inOurCode.ReplaceAllString(text, ""), ":")
}

// taken reports whether a pattern names a path of our own.
func taken(paths []ownPath, pattern string) bool {
	if _, rest, ok := strings.Cut(pattern, " "); ok {
		pattern = strings.TrimLeft(rest, " \t")
	}
	_, path, _ := strings.Cut(pattern, "/")
	return slices.ContainsFunc(paths, func(own ownPath) bool { return own.path == "/"+path })
}

// policy is who may pass a route. What belongs to a policy and stands beside
// public is a fault: whoever wrote it means one of the two.
func (g *gateway) policy(field string, route *routePart) validator.Policy {
	before := len(g.faults)
	policy := validator.Policy{
		Scopes: route.Scopes, AnyScope: route.AnyScope, Issuers: route.Issuers, Audiences: route.Audiences,
		ClientIDs: route.ClientIDs, AnyTrustedIssuer: route.AnyTrustedIssuer, AnyToken: route.AnyToken,
		MaxTokenAge: route.MaxTokenAge.or(0), ACRValues: route.ACRValues, MaxAuthAge: route.MaxAuthAge.or(0),
		Fresh: g.fresh(field+".fresh", route.Fresh),
	}
	g.positive(field+".max_token_age", route.MaxTokenAge)
	g.positive(field+".max_auth_age", route.MaxAuthAge)
	switch {
	case len(g.faults) > before:
	case !route.Public:
		g.blame(g.validator.CheckPolicy(policy), inPolicy(field))
	case policy.String() != validator.Policy{}.String() || route.Optional:
		g.fault(field+".public", "says that everybody may pass, but the route says who")
	}
	return policy
}

// fresh is how recently the issuer must have been asked.
func (g *gateway) fresh(field, text string) validator.Freshness {
	if text == "" {
		return validator.Freshness{}
	}
	if text == "now" {
		return validator.IntrospectedNow()
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		g.fault(field, "must be now, or a duration with a unit, such as 30s")
	}
	return validator.IntrospectedWithin(d)
}

func (g *gateway) register(route *routePart, policy validator.Policy, handler http.Handler) {
	switch {
	case route.Public:
		g.table.Public(route.Pattern, handler)
	case route.Optional:
		g.table.Optional(route.Pattern, policy, handler)
	default:
		g.table.Handle(route.Pattern, policy, handler)
	}
}

func (g *gateway) proxy(route *routePart, transport http.RoundTripper) http.Handler {
	upstream, _ := url.Parse(g.upstreamOf(route)) // load saw it
	return newProxy(proxy{
		upstream: upstream, identity: g.identity, forwardAuthorization: g.ForwardAuthorization,
		nonces: g.DPoP != nil && g.DPoP.Enabled && g.DPoP.Nonces != nil,
		leeway: max(g.leeway(), 0), guard: g.guard, log: g.log,
	}, transport)
}
