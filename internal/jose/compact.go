package jose

import (
	"encoding/base64"
	"errors"
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
	if first < 2 || !beginsObject(raw) {
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

// strict refuses padding and non-zero unused bits, so that no two texts decode
// to the same bytes. It still skips CR and LF: callers check InAlphabet first.
var strict = base64.RawURLEncoding.Strict()

// AppendSegment appends the decoded segment to dst. An empty segment and any
// other text than the canonical one of its bytes is ErrSegment (RFC 7515 2).
// The alphabet of the whole token must have been checked before.
func AppendSegment(dst []byte, segment string) ([]byte, error) {
	if segment == "" {
		return dst, ErrSegment
	}
	dst, err := strict.AppendDecode(dst, []byte(segment))
	if err != nil {
		return dst, ErrSegment
	}
	return dst, nil
}

// outside marks the bytes that RFC 6750 2.1 does not allow in a b64token.
var outside = func() (table [256]uint8) {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
	for i := range table {
		if strings.IndexByte(allowed, byte(i)) < 0 {
			table[i] = 1
		}
	}
	return table
}()

// InAlphabet reports whether raw consists of characters of an RFC 6750 b64token
// only. It comes before any decoding: Go's base64 skips CR and LF even in Strict
// mode, and a token is quoted nowhere if it cannot carry control characters.
func InAlphabet(raw string) bool {
	var bad uint8
	for len(raw) >= 8 {
		bad |= outside[raw[0]] | outside[raw[1]] | outside[raw[2]] | outside[raw[3]] |
			outside[raw[4]] | outside[raw[5]] | outside[raw[6]] | outside[raw[7]]
		raw = raw[8:]
	}
	for i := range len(raw) {
		bad |= outside[raw[i]]
	}
	return bad == 0
}
