package middleware

import (
	"fmt"
	"slices"
)

// Who may pass a Route.
const (
	AccessPublic    = "public"    // everybody
	AccessOptional  = "optional"  // whoever has no token, or one that the policy permits
	AccessProtected = "protected" // whoever has a token that the policy permits
)

// Route is one line of an audit.
type Route struct {
	Pattern string
	Access  string // AccessPublic, AccessOptional or AccessProtected
	Policy  string // in words; empty when public
}

// String is the route on one line, in columns.
func (r Route) String() string {
	if r.Policy == "" {
		return fmt.Sprintf("%-9s  %s", r.Access, r.Pattern)
	}
	return fmt.Sprintf("%-9s  %-32s  %s", r.Access, r.Pattern, r.Policy)
}

// Audit returns the routes in the order in which they were added: print them when
// the program starts, and hold them to a list in a test. What is not among them is
// refused.
func (rt *Routes) Audit() []Route {
	rt.mu.RLock()
	defer rt.mu.RUnlock()
	list := slices.Grow([]Route(nil), len(rt.routes))
	for _, e := range rt.routes {
		route := Route{Pattern: e.pattern, Access: e.access}
		if e.policy != nil {
			route.Policy = e.policy.String()
		}
		list = append(list, route)
	}
	return list
}
