package jose

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of one object: no honest header or claims set comes near them, and they
// keep the cost of a hostile one near that of an honest one.
const (
	maxMembers = 256
	maxName    = 256 // bytes
)

// MaxDepth is how deep arrays and objects may nest, the outermost object included.
const MaxDepth = 16

// Errors of Object. ErrSyntax covers invalid UTF-8, trailing data and anything
// that is not an object; the others are an object whose content is refused.
var (
	ErrSyntax    = errors.New("not one JSON object")
	ErrDuplicate = errors.New("duplicate member")
	ErrFolded    = errors.New("member name differs from a known one only by case or look-alike letters")
	ErrDepth     = errors.New("nested too deeply")
	ErrType      = errors.New("member has the wrong JSON type")
	ErrMembers   = errors.New("more than 256 members, or a name longer than 256 bytes")
)

// Object walks the members of one JSON object, strictly: a duplicate member at
// any depth, invalid UTF-8, trailing data, and a name that folds to a known one
// are errors (RFC 8725 2.4 and 3.10; RFC 7519 4: names are unique, RFC 8259 4).
// Strings it returns are parts of Text and stay valid after Close.
//
//	o := jose.ReadObject(text, known)
//	defer o.Close()
//	for o.Next() {
//		switch o.Name() { ... }
//	}
//	err := o.Err()
type Object struct {
	// Text is the whole object, exactly as it was read.
	Text string

	dec     jsontext.Decoder
	buf     bytes.Buffer
	scratch []byte
	known   *Names
	name    string
	members int
	value   bool // the value of the current member has not been read
	err     error
}

var objects = sync.Pool{New: func() any { return new(Object) }}

// ReadObject starts on text. The caller must Close the Object.
func ReadObject(text string, known *Names) *Object {
	o := objects.Get().(*Object)
	o.scratch = append(o.scratch[:0], text...)
	o.open(known)
	return o
}

// ReadSegment starts on the object that a segment of a token encodes. The error
// is ErrSegment, and needs no Close.
func ReadSegment(segment string, known *Names) (*Object, error) {
	o := objects.Get().(*Object)
	var err error
	if o.scratch, err = AppendSegment(o.scratch[:0], segment); err != nil {
		objects.Put(o)
		return nil, err
	}
	o.open(known)
	return o, nil
}

func (o *Object) open(known *Names) {
	o.Text, o.known, o.name, o.members, o.value, o.err = string(o.scratch), known, "", 0, false, nil
	switch {
	case !strings.HasPrefix(strings.TrimLeft(o.Text, " \t\r\n"), "{"):
		o.err = ErrSyntax // no object, however deep
		return
	case tooDeep(o.Text):
		o.err = ErrDepth // before the decoder recurses into it
		return
	}
	o.buf = *bytes.NewBuffer(o.scratch)
	o.dec.Reset(&o.buf)
	if open, err := o.dec.ReadToken(); err != nil || open.Kind() != jsontext.KindBeginObject {
		o.err = ErrSyntax
	}
}

// Close returns the Object for reuse.
func (o *Object) Close() {
	o.Text, o.name, o.buf = "", "", bytes.Buffer{}
	objects.Put(o)
}

// Next goes to the next member, skipping a value that was not asked for.
// It reports false at the end and after an error.
func (o *Object) Next() bool {
	if o.value {
		o.skip()
	}
	if o.err != nil {
		return false
	}
	if o.dec.PeekKind() == jsontext.KindEndObject {
		o.end()
		return false
	}
	o.name = o.text()
	o.members++
	switch {
	case o.err != nil:
	case o.members > maxMembers || len(o.name) > maxName:
		o.err = ErrMembers
	case o.known.folds(o.name):
		o.err = fmt.Errorf("%w: %q", ErrFolded, o.name)
	}
	o.value = o.err == nil
	return o.value
}

// end consumes the closing brace and makes sure that nothing but space follows.
func (o *Object) end() {
	if _, err := o.dec.ReadToken(); err != nil {
		o.fail(err)
		return
	}
	if strings.Trim(o.Text[o.dec.InputOffset():], " \t\r\n") != "" {
		o.err = ErrSyntax
	}
}

// Err is the first error met; nil after a Next that reported the end.
func (o *Object) Err() error { return o.err }

// Name is the name of the current member.
func (o *Object) Name() string { return o.name }

// Kind is the JSON type of the current member's value.
func (o *Object) Kind() jsontext.Kind { return o.dec.PeekKind() }

// String reads the current value, which must be a string.
func (o *Object) String() string {
	if !o.is(jsontext.KindString) {
		return ""
	}
	return o.text()
}

// Strings reads the current value, which must be an array of strings.
func (o *Object) Strings() []string {
	if !o.is(jsontext.KindBeginArray) {
		return nil
	}
	if _, err := o.dec.ReadToken(); err != nil {
		o.fail(err)
		return nil
	}
	list := make([]string, 0, 4)
	for o.err == nil && o.dec.PeekKind() != jsontext.KindEndArray {
		if o.dec.PeekKind() != jsontext.KindString {
			o.wrongType()
			return nil
		}
		list = append(list, o.text())
	}
	if _, err := o.dec.ReadToken(); err != nil {
		o.fail(err)
	}
	return list
}

// Number reads the current value, which must be a number, as its JSON text.
func (o *Object) Number() string {
	if !o.is(jsontext.KindNumber) {
		return ""
	}
	return o.raw()
}

// Object reads the current value, which must be an object, as its JSON text.
func (o *Object) Object() string {
	if !o.is(jsontext.KindBeginObject) {
		return ""
	}
	return o.raw()
}

// Raw reads the current value, whatever it is, as its JSON text.
func (o *Object) Raw() string {
	o.value = false
	if o.err != nil {
		return ""
	}
	return o.raw()
}

// Refuse makes the current value an ErrType: it has the right JSON type and is
// still not what its name promises.
func (o *Object) Refuse() {
	if o.err == nil {
		o.err = fmt.Errorf("%w: %s", ErrType, o.name)
	}
}

// is begins the reading of a value of that kind; a value of another one is ErrType.
func (o *Object) is(kind jsontext.Kind) bool {
	if o.err != nil {
		return false
	}
	if o.dec.PeekKind() != kind {
		o.wrongType()
		return false
	}
	o.value = false
	return true
}

// wrongType says that the next value has the wrong type, if it is one at all.
func (o *Object) wrongType() {
	if o.raw(); o.err == nil {
		o.err = fmt.Errorf("%w: %s", ErrType, o.name)
	}
}

// skip reads a value that nobody asked for: it is checked all the same.
func (o *Object) skip() {
	o.value = false
	if o.err != nil {
		return
	}
	o.raw()
}

// raw reads the next value and returns the part of Text that it is.
func (o *Object) raw() string {
	value, err := o.dec.ReadValue()
	if err != nil {
		o.fail(err)
		return ""
	}
	end := int(o.dec.InputOffset())
	return o.Text[end-len(value) : end]
}

// text reads the next value, a string or a member's name, and unquotes it.
func (o *Object) text() string {
	quoted := o.raw()
	if o.err != nil {
		return ""
	}
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		o.fail(err)
	}
	return string(text)
}

func (o *Object) fail(err error) {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		o.err = ErrDuplicate
		return
	}
	o.err = ErrSyntax
}

// tooDeep reports whether well-formed JSON nests deeper than MaxDepth.
func tooDeep(text string) bool {
	if strings.Count(text, "{")+strings.Count(text, "[") <= MaxDepth {
		return false // most texts: no need to look at what is quoted
	}
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
