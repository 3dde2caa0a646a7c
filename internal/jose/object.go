package jose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

	scratch []byte
	known   *Names
	reader  simpleReader
	simple  bool // the reader has read it
	dec     jsontext.Decoder
	buf     bytes.Buffer
	at      int // in Text: where to go on reading
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
	o.open(text, known)
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
	o.open(string(o.scratch), known)
	return o, nil
}

// open checks the text as a whole, all that nobody will ask for included: what is
// walked then is well-formed.
func (o *Object) open(text string, known *Names) {
	o.Text, o.known, o.at, o.name, o.members, o.value, o.err = text, known, 0, "", 0, false, nil
	if o.simple = o.reader.read(o.scratch); o.simple {
		return
	}
	switch {
	case o.space() != '{':
		o.err = ErrSyntax // no object, however deep
	case tooDeep(text):
		o.err = ErrDepth // before the decoder recurses into it
	default:
		o.err = o.askLibrary()
	}
	o.at++
}

// askLibrary has the library read the text, to the end or to the first member too many.
func (o *Object) askLibrary() error {
	o.buf = *bytes.NewBuffer(o.scratch)
	o.dec.Reset(&o.buf)
	_, err := o.dec.ReadToken() // the opening brace
	for members := 0; err == nil && o.dec.PeekKind() == jsontext.KindString; members++ {
		if members == maxMembers {
			return ErrMembers
		}
		if _, err = o.dec.ReadValue(); err == nil {
			_, err = o.dec.ReadValue()
		}
	}
	if err == nil {
		_, err = o.dec.ReadToken() // the closing one
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return ErrDuplicate
	}
	if _, err = o.dec.ReadToken(); err != io.EOF {
		return ErrSyntax // something follows; or the decoder stands where it failed before, and fails again
	}
	return nil
}

// Close returns the Object for reuse.
func (o *Object) Close() {
	o.Text, o.name, o.buf = "", "", bytes.Buffer{}
	objects.Put(o)
}

// Next goes to the next member, skipping a value that was not asked for.
// It reports false at the end and after an error.
func (o *Object) Next() bool {
	switch {
	case o.err != nil:
		return false
	case o.simple:
		return o.nextSimple()
	case o.value:
		o.raw()
	}
	if o.space() == ',' {
		o.at++
		o.space()
	}
	if o.Text[o.at] == '}' {
		return false
	}
	o.name = o.text()
	o.space()
	o.at++ // the colon
	return o.begin()
}

// nextSimple is Next where the reader noted what is where.
func (o *Object) nextSimple() bool {
	if o.members == o.reader.count {
		return false
	}
	name := o.reader.members[o.members].name
	o.name, o.at = o.Text[name.from:name.to], int(o.reader.members[o.members].value.from)
	return o.begin()
}

// begin looks at the name of a member, before its value is read.
func (o *Object) begin() bool {
	o.members++
	switch {
	case len(o.name) > maxName:
		o.err = ErrMembers
	case o.known.folds(o.name):
		o.err = fmt.Errorf("%w: %q", ErrFolded, o.name)
	}
	o.value = o.err == nil
	return o.value
}

// Err is the first error met; nil after a Next that reported the end.
func (o *Object) Err() error { return o.err }

// Name is the name of the current member.
func (o *Object) Name() string { return o.name }

// Kind is the JSON type of the current member's value, which must not have been read.
func (o *Object) Kind() jsontext.Kind {
	switch first := o.space(); first {
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return jsontext.KindNumber
	default:
		return jsontext.Kind(first)
	}
}

// String reads the current value, which must be a string.
func (o *Object) String() string {
	switch {
	case !o.is(jsontext.KindString):
		return ""
	case o.simple: // nothing is escaped
		quoted := o.raw()
		return quoted[1 : len(quoted)-1]
	}
	return o.text()
}

// Strings reads the current value, which must be an array of strings.
func (o *Object) Strings() []string {
	if !o.is(jsontext.KindBeginArray) {
		return nil
	}
	o.at++
	list := make([]string, 0, 4)
	for o.space() != ']' {
		if o.Text[o.at] == ',' {
			o.at++
			o.space()
		}
		if o.Text[o.at] != '"' {
			o.Refuse()
			return nil
		}
		list = append(list, o.text())
	}
	o.at++
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
	if o.Kind() != kind {
		o.Refuse()
	}
	o.value = false
	return o.err == nil
}
