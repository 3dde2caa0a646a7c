package jose

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// ErrSegment: a segment is not the one canonical base64url text of its bytes.
var ErrSegment = errors.New("segment is not canonical base64url without padding")

// Compact is a token cut at its dots: three segments, nothing decoded.
type Compact struct {
	Header, Payload, Signature string
	Signed                     string // the signing input: header "." payload (RFC 7515 5.1)
}

// Cut splits raw at its dots. It reports false unless there are exactly three
// segments and the first one can be the encoding of a JSON object, which is
// what tells most opaque tokens from a JWS without decoding anything.
func Cut(raw string) (Compact, bool) {
	first := strings.IndexByte(raw, '.')
	if first < 2 || !beginsObject(raw) || !endsObject(raw[:first]) {
		return Compact{}, false
	}
	second := strings.IndexByte(raw[first+1:], '.')
	if second < 0 {
		return Compact{}, false
	}
	second += first + 1
	// A fourth segment is no JWS (RFC 7515 3.1): five parts are a JWE.
	if strings.IndexByte(raw[second+1:], '.') >= 0 {
		return Compact{}, false
	}
	return Compact{
		Header:    raw[:first],
		Payload:   raw[first+1 : second],
		Signature: raw[second+1:],
		Signed:    raw[:second],
	}, true
}

// Tail is the end of raw, if raw begins as a JWS does, a dot is before the end, and it has
// the length of most signatures: those of ES256, EdDSA, and RSA with 2048 bits. Otherwise
// it is empty. Whether it is a signature is for Cut to tell, or for who knows a JWS that
// ends so.
func Tail(raw string) string {
	if len(raw) < 2 || !beginsObject(raw) {
		return ""
	}
	for _, length := range [...]int{86, 342} {
		if before := len(raw) - length - 1; before >= 0 && raw[before] == '.' {
			return raw[before+1:]
		}
	}
	return ""
}

// beginsObject reports whether the first two characters encode a byte '{', whose
// six high bits are 'e' and whose two low ones open the second character, or
// may encode JSON white space.
func beginsObject(segment string) bool {
	switch c := segment[1]; segment[0] {
	case 'e':
		return c >= 'w' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	case 'C', 'D', 'I': // tab and line feed, carriage return, space
		return true
	}
	return false
}

// endsObject reports whether the last characters may encode a byte '}', or white space
// behind one. What is no base64url at all is for the decoder to tell.
func endsObject(segment string) bool {
	n := len(segment)
	b, c := sextets[segment[n-2]], sextets[segment[n-1]]
	last := b<<6 | c // of four characters
	switch n % 4 {
	case 2:
		last = b<<2 | c>>4
	case 3:
		last = b<<4 | c>>2
	}
	switch last {
	case '}', ' ', '\t', '\r', '\n':
		return true
	}
	return b|c > 63
}

// sextets are the values of the characters of base64url; 0xff of any other.
var sextets = func() (table [256]uint8) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range table {
		table[i] = uint8(strings.IndexByte(alphabet, byte(i))) // -1 is 0xff
	}
	return table
}()

// noSextet marks, above the 24 bits of four characters, one that is none of base64url.
const noSextet = 1 << 24

// sextetsAt are the values of the characters at each of four places, in the 24 bits that
// the four encode; noSextet of any other.
var sextetsAt = func() (tables [4][256]uint32) {
	for char, value := range sextets {
		for place := range tables {
			if tables[place][char] = noSextet; value < 64 {
				tables[place][char] = uint32(value) << (18 - 6*place)
			}
		}
	}
	return tables
}()

// AppendSegment appends the decoded segment to dst. An empty segment and any other text
// than the one canonical one of its bytes is ErrSegment (RFC 7515 2): no padding, no
// line breaks (which Go's base64 skips), no bits set that nothing uses, so that no two
// texts mean the same bytes.
func AppendSegment(dst []byte, segment string) ([]byte, error) {
	if segment == "" || len(segment)%4 == 1 {
		return dst, ErrSegment
	}
	before, size := len(dst), len(segment)*3/4
	dst = slices.Grow(dst, size)
	out, seen, at := dst[before:before+size], uint32(0), &sextetsAt
	for ; len(segment) >= 8 && len(out) >= 8; segment, out = segment[8:], out[6:] {
		high := at[0][segment[0]] | at[1][segment[1]] | at[2][segment[2]] | at[3][segment[3]]
		low := at[0][segment[4]] | at[1][segment[5]] | at[2][segment[6]] | at[3][segment[7]]
		binary.BigEndian.PutUint64(out, uint64(high)<<40|uint64(low)<<16) // six bytes; the last two are written again
		seen |= high | low
	}
	for ; len(segment) >= 4; segment, out = segment[4:], out[3:] {
		q := at[0][segment[0]] | at[1][segment[1]] | at[2][segment[2]] | at[3][segment[3]]
		out[0], out[1], out[2] = byte(q>>16), byte(q>>8), byte(q) // #nosec G115 -- its three bytes, one by one
		seen |= q
	}
	unused := uint8(0)
	if len(segment) >= 2 {
		a, b := sextets[segment[0]], sextets[segment[1]]
		out[0], unused = a<<2|b>>4, b<<4
		seen |= at[0][segment[0]] | at[1][segment[1]]
		if len(segment) == 3 {
			c := sextets[segment[2]]
			out[1], unused = b<<4|c>>2, c<<6 // what is no character has all bits set
		}
	}
	if seen >= noSextet || unused != 0 {
		return dst[:before], ErrSegment
	}
	return dst[:before+size], nil
}

// outside marks the bytes that RFC 6750 2.1 does not allow in a b64token.
var outside = func() (table [256]bool) {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
	for i := range table {
		table[i] = strings.IndexByte(allowed, byte(i)) < 0
	}
	return table
}()

// InAlphabet reports whether raw consists of characters of an RFC 6750 b64token
// only. A token is quoted nowhere if it cannot carry control characters.
func InAlphabet(raw string) bool {
	for ; len(raw) > 8; raw = raw[8:] {
		if !ordinary(uint64(raw[0])|uint64(raw[1])<<8|uint64(raw[2])<<16|uint64(raw[3])<<24|
			uint64(raw[4])<<32|uint64(raw[5])<<40|uint64(raw[6])<<48|uint64(raw[7])<<56) && !allowed(raw[:8]) {
			return false
		}
	}
	return allowed(raw)
}

// allowed is InAlphabet, one character after the other.
func allowed(raw string) bool {
	for i := range len(raw) {
		if outside[raw[i]] {
			return false
		}
	}
	return true
}

// ordinary reports whether eight bytes are letters, digits, '-', '.', '/' and '_', which are
// nearly all of a token. It adds to each what makes the high bit tell whether the byte is
// at least some other one.
func ordinary(bytes uint64) bool {
	const each, high = 0x0101010101010101, 0x80 * 0x0101010101010101
	small := bytes | ('a'-'A')*each
	letter := (small + (0x80-'a')*each) &^ (small + (0x80-'z'-1)*each)
	digit := (bytes + (0x80-'-')*each) &^ (bytes + (0x80-'9'-1)*each) // '-', '.' and '/' are just before them
	line := ^((bytes ^ '_'*each) + 0x7f*each)
	return bytes&high == 0 && (letter|digit|line)&high == high // or a sum would reach into the next byte
}
