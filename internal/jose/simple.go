package jose

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"unicode/utf8"
)

// simpleReader reads one JSON object that is as those of nearly all tokens are: ASCII,
// nothing escaped, no exponents, few names. Its methods report whether what they are
// named after stood at the place, which they leave. That it cannot read a text says
// nothing about the text: then the library has to be asked, which takes several times
// as long. What it can read is for sure well-formed, without duplicate names, and
// nested no deeper than MaxDepth.
type simpleReader struct {
	text  []byte
	at    int      // where to go on reading
	names [48]span // of the object that is being read, behind those of the ones around it
	known int      // how many
	kinds uint64   // of which kinds there are some among them

	members [32]member // of the outermost object
	count   int
}

// span is where a part of a text is.
type span struct{ from, to int32 }

type member struct{ name, value span }

// read reads the whole text.
func (p *simpleReader) read(text []byte) bool {
	if len(text) > math.MaxInt32 {
		return false
	}
	p.text, p.at, p.known, p.kinds, p.count = text, 0, 0, 0, 0
	return p.peek() == '{' && p.object(1) && p.peek() == 0 && p.at == len(text)
}

// peek skips white space and returns the byte behind it; 0 at the end.
func (p *simpleReader) peek() byte {
	if p.at < len(p.text) && p.text[p.at] > ' ' {
		return p.text[p.at] // nobody who writes tokens writes spaces
	}
	return p.space()
}

func (p *simpleReader) space() byte {
	for ; p.at < len(p.text); p.at++ {
		if c := p.text[p.at]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

func (p *simpleReader) value(depth int) bool {
	switch c := p.peek(); {
	case c == '"':
		_, ok := p.string()
		return ok
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == '{':
		return depth < MaxDepth && p.object(depth+1)
	case c == '[':
		return depth < MaxDepth && p.array(depth+1)
	}
	return p.word("true") || p.word("false") || p.word("null")
}

func (p *simpleReader) object(depth int) bool {
	p.at++
	around := p.known
	if p.peek() != '}' {
		for more := true; more; more = p.comma() {
			if p.peek() != '"' || !p.name(around) || p.peek() != ':' {
				return false
			}
			p.at++
			p.peek()
			from := p.at
			if !p.value(depth) || depth == 1 && !p.member(from) {
				return false
			}
		}
	}
	p.known = around
	return p.end('}')
}

func (p *simpleReader) array(depth int) bool {
	p.at++
	if p.peek() != ']' {
		for more := true; more; more = p.comma() {
			if !p.value(depth) {
				return false
			}
		}
	}
	return p.end(']')
}

func (p *simpleReader) comma() bool { return p.end(',') }

func (p *simpleReader) end(with byte) bool {
	if p.peek() != with {
		return false
	}
	p.at++
	return true
}

// member notes where the member is whose value began there.
func (p *simpleReader) member(from int) bool {
	if p.count == len(p.members) {
		return false
	}
	p.members[p.count] = member{p.names[p.known-1], span{int32(from), int32(p.at)}} // #nosec G115 -- what is read is bounded, far below 2^31
	p.count++
	return true
}

// name reads a name that its object does not have yet.
func (p *simpleReader) name(around int) bool {
	name, ok := p.string()
	if !ok || p.known == len(p.names) {
		return false
	}
	text := p.text[name.from:name.to]
	kind := uint64(1) // of the empty one
	if n := len(text); n > 0 {
		kind = 1 << ((int(text[0]) + 7*int(text[n-1]) + 3*n) % 64)
	}
	if p.kinds&kind != 0 { // else there cannot be the same one
		for _, other := range p.names[around:p.known] {
			if string(text) == string(p.text[other.from:other.to]) {
				return false
			}
		}
	}
	p.names[p.known] = name
	p.kinds |= kind
	p.known++
	return true
}

// string returns what is between the quotes, if everything there stands for itself.
func (p *simpleReader) string() (inside span, ok bool) {
	end := endOfRun(p.text, p.at+1)
	inside = span{int32(p.at) + 1, int32(end)} // #nosec G115 -- what is read is bounded, far below 2^31
	p.at = end + 1
	return inside, end < len(p.text) && p.text[end] == '"'
}

func (p *simpleReader) number() bool {
	if p.text[p.at] == '-' {
		p.at++
	}
	first := p.at
	whole := p.digits()
	if whole == 0 || whole > 1 && p.text[first] == '0' {
		return false
	}
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		return p.digits() > 0
	}
	return true // what follows is no comma if it belongs to the number
}

// digits skips digits, and returns how many there were.
func (p *simpleReader) digits() int {
	from := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at - from
}

func (p *simpleReader) word(word string) bool {
	if !bytes.HasPrefix(p.text[p.at:], []byte(word)) {
		return false
	}
	p.at += len(word)
	return true
}

// endOfRun returns the first place from there on with a byte that is not ASCII, or is a
// control character, a quote or a backslash; else the length of the text. It looks at
// eight bytes at once: at these four kinds, and at no other, one of the subtractions leaves
// the highest bit set; what it borrows from can be wrong only above the first.
func endOfRun(text []byte, from int) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; from+8 <= len(text); from += 8 {
		eight := binary.LittleEndian.Uint64(text[from:])
		quote, backslash := eight^'"'*each, eight^'\\'*each
		if found := ((eight - ' '*each) | (quote - each) | (backslash - each)) & high; found != 0 {
			return from + bits.TrailingZeros64(found)/8
		}
	}
	for ; from < len(text); from++ {
		if c := text[from]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
	}
	return from
}
