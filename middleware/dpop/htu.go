package dpop

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// target is an HTTP(S) URI without query and fragment, in the normal form of RFC 3986
// 6.2.2 and 6.2.3: two of them are equal exactly when the URIs are equivalent.
type target struct {
	origin string // "https://host", with the port unless it is the scheme's own
	path   string // begins with "/"
}

// Errors of normalize.
var (
	errURICharacters = errors.New("the URI has a character that must be percent-encoded, or a percent-encoding that is none")
	errURIScheme     = errors.New("the URI is not absolute, or not of HTTP")
	errURIUser       = errors.New("the URI has user information")
	errURIHost       = errors.New("the URI has no host, or one that is not spelled in ASCII (punycode)")
	errURIPort       = errors.New("the URI has no port between 1 and 65535")
)

// normalize reads an absolute URI. RFC 9449 4.3 ignores query and fragment, and asks
// for this normalisation so that spelling does not refuse an honest proof. What RFC
// 3986 does not allow is refused rather than mended: readers mend in different ways.
// User information is an error in URIs from elsewhere (RFC 9110 4.2.4).
func normalize(uri string) (target, error) {
	scheme, rest, found := strings.Cut(uri, "://")
	scheme = strings.ToLower(scheme) // 6.2.2.1
	if !found || scheme != "https" && scheme != "http" {
		return target{}, errURIScheme
	}
	authority, path := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, path = rest[:end], rest[end:]
	}
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		if !graphic(path[end:]) {
			return target{}, errURICharacters // ignored, but it must be a URI
		}
		path = path[:end]
	}
	origin, err := normalizeOrigin(scheme, authority)
	if err != nil {
		return target{}, err
	}
	path, err = normalizePath(path)
	return target{origin, path}, err
}

// graphic reports whether text is ASCII without spaces and control characters.
func graphic(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// normalizeOrigin is the origin of a scheme in lower case and an authority, such as
// that of a Host header.
func normalizeOrigin(scheme, authority string) (string, error) {
	if strings.Contains(authority, "@") {
		return "", errURIUser
	}
	host, port, colon := authority, "", false
	if end := strings.LastIndexByte(authority, ':'); end > strings.LastIndexByte(authority, ']') {
		host, port, colon = authority[:end], authority[end+1:], true
	}
	host, err := normalizeHost(host)
	if err != nil {
		return "", err
	}
	if colon && port != "" { // 6.2.3: "http://example.com:/" is "http://example.com/"
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return "", errURIPort
		}
		if !(scheme == "https" && number == 443 || scheme == "http" && number == 80) { // 6.2.3
			host += ":" + strconv.FormatUint(number, 10)
		}
	}
	return scheme + "://" + host, nil
}

// normalizeHost is the host in lower case (6.2.2.1). Percent-encoding and letters
// beyond ASCII are refused: which name they stand for depends on the reader's IDNA.
func normalizeHost(host string) (string, error) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		if !closed || err != nil || !address.Is6() || address.Zone() != "" {
			return "", errURIHost
		}
		return "[" + address.String() + "]", nil
	}
	if host == "" || strings.ContainsFunc(host, func(r rune) bool { return !hostCharacter(r) }) {
		return "", errURIHost
	}
	return strings.ToLower(host), nil
}

func hostCharacter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
}

// normalizePath is the normal form of an absolute path, or of none.
func normalizePath(path string) (string, error) {
	if path == "" {
		return "/", nil // 6.2.3
	}
	path, err := normalizeEncoding(path)
	if err != nil || path[0] != '/' {
		return "", errURICharacters
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

// normalizeEncoding decodes what need not be encoded (6.2.2.2) and spells the rest in
// capitals (6.2.2.1). An encoded slash stays one: it separates nothing.
func normalizeEncoding(path string) (string, error) {
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
			return "", errURICharacters
		}
		if b.Cap() == 0 { // most paths have none
			b.Grow(len(path))
			b.WriteString(path[:i])
		}
		if c = byte(high<<4 | low); isUnreserved[c] {
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
