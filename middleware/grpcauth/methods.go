package grpcauth

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/validator"
)

// methods are copies of the policies, so that what is changed after wiring changes
// nothing. They are found by the name on the wire, byte for byte: another spelling
// is another method, which is not listed.
func (c *Config) methods() map[string]*validator.Policy {
	all := make(map[string]*validator.Policy, len(c.Methods)+len(c.Public))
	for name, policy := range c.Methods {
		own := policy.Clone()
		all[name] = &own
	}
	for _, name := range c.Public {
		all[name] = nil
	}
	return all
}

func (c *Config) checkMethods(v *validator.Validator) (mistakes []error) {
	for _, name := range slices.Sorted(maps.Keys(c.Methods)) {
		field := fmt.Sprintf("Methods[%q]", name)
		mistakes = append(mistakes, checkName(field, name)...)
		if v != nil {
			mistakes = append(mistakes, within(field, v.CheckPolicy(c.Methods[name]))...)
		}
	}
	for i, name := range c.Public {
		field := fmt.Sprintf("Public[%d]", i)
		mistakes = append(mistakes, checkName(field, name)...)
		if _, both := c.Methods[name]; both {
			mistakes = append(mistakes, &validator.ConfigError{Field: field, Problem: fmt.Sprintf("%q has a policy in Methods", name)})
		}
		if slices.Contains(c.Public[:i], name) {
			mistakes = append(mistakes, &validator.ConfigError{Field: field, Problem: fmt.Sprintf("%q is listed twice", name)})
		}
	}
	return mistakes
}

// checkName demands the one spelling in which a call of generated code arrives. A
// listed name that never does would only look as if it protected something, or
// opened it.
func checkName(field, name string) []error {
	rest, rooted := strings.CutPrefix(name, "/")
	service, method, _ := strings.Cut(rest, "/") // a method is no part of a path: it has no slash
	if rooted && protoreflect.FullName(service).IsValid() && protoreflect.Name(method).IsValid() {
		return nil
	}
	return []error{&validator.ConfigError{Field: field, Problem: fmt.Sprintf("%q is not a full method: /package.Service/Method", name)}}
}

// within are the mistakes of a policy, with the method that it is for.
func within(field string, err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var mistakes []error
	for _, each := range joined.Unwrap() {
		var mistake *validator.ConfigError
		if errors.As(each, &mistake) {
			each = &validator.ConfigError{Field: field + strings.TrimPrefix(mistake.Field, "Policy"), Problem: mistake.Problem}
		}
		mistakes = append(mistakes, each)
	}
	return mistakes
}

// addressProblem says what is wrong with ResourceMetadata; empty: nothing.
func addressProblem(address string) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		return "must be a URL"
	}
	if err := remote.CheckURL(u, false); err != nil {
		return err.Error()
	}
	if u.String() != address { // what a challenge cannot hold is not in there either
		return "must be spelled as a URL is"
	}
	return ""
}
