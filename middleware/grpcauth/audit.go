package grpcauth

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
)

// Who may call a Method.
const (
	AccessPublic    = "public"    // everybody
	AccessProtected = "protected" // whoever has a token that the policy permits
	AccessRefused   = "refused"   // nobody: it is not listed
)

// Method is one line of an audit.
type Method struct {
	Name   string // the full method
	Access string // AccessPublic, AccessProtected or AccessRefused
	Policy string // in words; empty unless protected
	Served bool   // whether the server has it: false is a slip of the pen in the list
}

// String is the method on one line, in columns.
func (m Method) String() string {
	policy := m.Policy
	if !m.Served {
		policy = strings.TrimPrefix(policy+"; NOT SERVED", "; ")
	}
	return strings.TrimRight(fmt.Sprintf("%-9s  %-40s  %s", m.Access, m.Name, policy), " ")
}

// Audit returns all methods in alphabetical order, those that a server serves and
// those that are listed: print them when the program starts, and hold them to a list
// in a test.
//
//	for _, method := range guard.Audit(server.GetServiceInfo()) {
//		log.Print(method)
//	}
func (g *Guard) Audit(services map[string]grpc.ServiceInfo) []Method {
	served := map[string]bool{}
	for service, info := range services {
		for _, method := range info.Methods {
			served["/"+service+"/"+method.Name] = true
		}
	}
	names := maps.Clone(served)
	for name := range g.methods {
		names[name] = true
	}
	var list []Method
	for _, name := range slices.Sorted(maps.Keys(names)) {
		method := Method{Name: name, Access: AccessRefused, Served: served[name]}
		switch policy, listed := g.methods[name]; {
		case listed && policy == nil:
			method.Access = AccessPublic
		case listed:
			method.Access, method.Policy = AccessProtected, policy.String()
		}
		list = append(list, method)
	}
	return list
}
