// Package httpuri brings http and https URIs into the normal form of RFC 3986 6.2.2 and
// 6.2.3, so that two spellings of one address compare as equal and nothing else does.
//
// What the RFC does not allow is refused rather than mended: readers mend in different
// ways, and what is compared here is what somebody signed.
package httpuri

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// URI is an absolute URI without query and fragment, in its normal form: two of them
// are equal exactly when the URIs are equivalent.
type URI struct {
	Origin string // "https://host", with the port unless it is the scheme's own
	Path   string // begins with "/"
}

// String is the URI in its normal form.
func (u URI) String() string { return u.Origin + u.Path }

// Errors of this package.
var (
	ErrCharacters = errors.New("the URI has a character that must be percent-encoded, or a percent-encoding that is none")
	ErrScheme     = errors.New("the URI is not absolute, or not of HTTP")
	ErrUser       = errors.New("the URI has user information")
	ErrHost       = errors.New("the URI has no host, or one that is not spelled in ASCII (punycode)")
	ErrPort       = errors.New("the URI has no port between 1 and 65535")
)

// Parse reads an absolute URI. Its query and fragment are dropped.
func Parse(uri string) (URI, error) {
	scheme, rest, found := strings.Cut(uri, "://")
	scheme = strings.ToLower(scheme) // 6.2.2.1
	if !found || scheme != "https" && scheme != "http" {
		return URI{}, ErrScheme
	}
	authority, path := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, path = rest[:end], rest[end:]
	}
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		if !graphic(path[end:]) {
			return URI{}, ErrCharacters // ignored, but it must be a URI
		}
		path = path[:end]
	}
	origin, err := Origin(scheme, authority)
	if err != nil {
		return URI{}, err
	}
	if path, err = Path(path); err != nil {
		return URI{}, err
	}
	return URI{origin, path}, nil
}

// graphic reports whether text is ASCII without spaces and control characters.
func graphic(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Origin is the origin of a scheme in lower case and an authority, such as
// that of a Host header.
func Origin(scheme, authority string) (string, error) {
	if strings.Contains(authority, "@") {
		return "", ErrUser // an error in URIs from elsewhere (RFC 9110 4.2.4)
	}
	name, port := authority, ""
	if end := strings.LastIndexByte(authority, ':'); end > strings.LastIndexByte(authority, ']') {
		name, port = authority[:end], authority[end+1:]
	}
	name, err := host(name)
	if err != nil {
		return "", err
	}
	if port != "" { // 6.2.3: "http://example.com:/" is "http://example.com/"
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return "", ErrPort
		}
		if !(scheme == "https" && number == 443 || scheme == "http" && number == 80) { // 6.2.3
			name += ":" + strconv.FormatUint(number, 10)
		}
	}
	return scheme + "://" + name, nil
}

// host is the host in lower case (6.2.2.1). Percent-encoding and letters
// beyond ASCII are refused: which name they stand for depends on the reader's IDNA.
func host(name string) (string, error) {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		if !closed || err != nil || !address.Is6() || address.Zone() != "" {
			return "", ErrHost
		}
		return "[" + address.String() + "]", nil
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !hostCharacter(r) }) {
		return "", ErrHost
	}
	return strings.ToLower(name), nil
}

func hostCharacter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
}

// Path is the normal form of an absolute path, or of none.
func Path(path string) (string, error) {
	if path == "" {
		return "/", nil // 6.2.3
	}
	path, err := encoding(path)
	if err != nil || path[0] != '/' {
		return "", ErrCharacters
	}
	if strings.Contains(path, "/.") {
		path = removeDots(path) // after the encoding: "%2e" is a dot
	}
	return path, nil
}

// plain are the characters that may stand in a path as they are (RFC 3986 3.3), and the
// three besides that browsers do not encode (WHATWG URL, path percent-encode set).
const plain = unreserved + "!$&'()*+,;=:@/" + "[]|"

// unreserved are those whose percent-encoding means the same (RFC 3986 2.3).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// isPlain and isUnreserved are tables of the two.
var isPlain, isUnreserved = characters(plain), characters(unreserved)

func characters(list string) (table [256]bool) {
	for _, c := range []byte(list) {
		table[c] = true
	}
	return table
}

// encoding decodes what need not be encoded (6.2.2.2) and spells the rest in
// capitals (6.2.2.1). An encoded slash stays one: it separates nothing.
func encoding(path string) (string, error) {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if isPlain[c] {
			if b.Cap() > 0 {
				b.WriteByte(c)
			}
			continue
		}
		high, low := -1, -1
		if c == '%' && i+2 < len(path) {
			high, low = digit(path[i+1]), digit(path[i+2])
		}
		if high < 0 || low < 0 {
			return "", ErrCharacters
		}
		if b.Cap() == 0 { // most paths have none
			b.Grow(len(path))
			b.WriteString(path[:i])
		}
		if c = byte(high<<4 | low); isUnreserved[c] { // #nosec G115 -- two hexadecimal digits
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[high], hex[low]})
		}
		i += 2
	}
	if b.Cap() == 0 {
		return path, nil
	}
	return b.String(), nil
}

// digit is the value of a hexadecimal digit; -1: it is none.
func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// removeDots is remove_dot_segments (RFC 3986 5.2.4) of an absolute path.
func removeDots(path string) string {
	var kept []string
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "." && !last:
		case segment == ".." && !last:
			kept = kept[:max(len(kept)-1, 0)]
		case segment == ".":
			kept = append(kept, "")
		case segment == "..":
			kept = append(kept[:max(len(kept)-1, 0)], "")
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}
