package validator

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// DetailRule is what a Policy asks of a token's authorization_details (RFC 9396).
// Detail makes one.
type DetailRule struct {
	typ     string
	permits func(element string) (bool, error)
}

// Detail demands an element of authorization_details that has exactly that type,
// decodes into T as Claims does, and that permits says yes to. One such element is
// enough; those of other types do not matter.
//
// T must have every member by which the type can restrict what it permits: members
// that T does not have are ignored, and those that the element does not have, or
// has as null, leave their zero value, which permits must not take for a
// permission. permits is called on every request, and must be safe for concurrent
// use.
func Detail[T any](typ string, permits func(T) bool) DetailRule {
	if permits == nil {
		return DetailRule{typ: typ} // CheckPolicy reports it
	}
	return DetailRule{typ, func(element string) (bool, error) {
		var value T
		if err := json.Unmarshal([]byte(element), &value); err != nil {
			return false, err
		}
		return permits(value), nil
	}}
}

func (r DetailRule) check(m *mistakes, field string) {
	if r.typ == "" {
		m.add(field, "a rule has no type: every element has one (RFC 9396 2)")
	}
	if r.permits == nil {
		m.add(field, "the rule for %q has no predicate", r.typ)
	}
}

// detail is one element of authorization_details.
type detail struct{ typ, text string }

func (p *Policy) checkDetails(t *facts) *Error {
	if len(p.AuthorizationDetails) == 0 {
		return nil
	}
	details, err := t.details()
	if err != nil {
		return refuse(ReasonDetailsMalformed, err.Error())
	}
	for _, rule := range p.AuthorizationDetails {
		if e := rule.find(details); e != nil {
			return e
		}
	}
	return nil
}

// find refuses unless one of the elements satisfies the rule.
func (r DetailRule) find(details []detail) *Error {
	of, misfit := 0, ""
	for _, d := range details {
		if d.typ != r.typ { // exactly: RFC 9396 2
			continue
		}
		of++
		ok, err := r.permits(d.text)
		if ok {
			return nil
		}
		if err != nil {
			misfit = fmt.Sprintf("; one does not decode: %.200v", err)
		}
	}
	return refuse(ReasonDetailsInsufficient, fmt.Sprintf("the policy asks for one of type %q that it permits, found %d of that type%s", r.typ, of, misfit))
}

// details reads authorization_details: an array of objects, each with a type (RFC
// 9396 2). None when absent.
func (t *facts) details() (list []detail, err error) {
	text := ""
	if err := t.read("authorization_details", detailsName, func(o *jose.Object) { text = o.Raw() }); err != nil || text == "" {
		return nil, err
	}
	array := jsontext.NewDecoder(strings.NewReader(text)) // it was checked already: what follows is about types
	if open, err := array.ReadToken(); err != nil || open.Kind() != jsontext.KindBeginArray {
		return nil, errors.New("not an array")
	}
	for array.PeekKind() != jsontext.KindEndArray {
		element, err := array.ReadValue()
		if err != nil {
			return nil, err
		}
		d := detail{text: string(element)}
		if d.typ, err = typeOf(d.text); err != nil {
			return nil, fmt.Errorf("element %d: %w", len(list), err)
		}
		list = append(list, d)
	}
	return list, nil
}

var typeName = jose.NewNames("type")

// typeOf is an element's type, which every element has.
func typeOf(element string) (typ string, err error) {
	o := jose.ReadObject(element, typeName)
	defer o.Close()
	typed := false
	for o.Next() {
		if o.Name() == "type" {
			typ, typed = o.String(), true
		}
	}
	if o.Err() == nil && !typed {
		return "", errors.New("it has no type")
	}
	return typ, o.Err()
}

// types are the types of the rules, each once.
func types(rules []DetailRule) (list []string) {
	for _, rule := range rules {
		if !slices.Contains(list, rule.typ) {
			list = append(list, rule.typ)
		}
	}
	return list
}
