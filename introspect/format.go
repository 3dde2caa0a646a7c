package introspect

import (
	"strings"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Format is what a server's opaque tokens look like. What does not look like one
// is refused without asking anybody, so that junk does not take the place of
// honest tokens. The zero Format is every text.
type Format struct {
	// Prefix is how all of them begin, such as "ory_at_". It also tells the tokens
	// of several introspecting issuers apart.
	Prefix string
	// MinLength and MaxLength are their lengths in bytes, prefix included. Zero:
	// any.
	MinLength, MaxLength int
	// Check reports whether the text can be a token, such as by its checksum. It is
	// asked on every request, and must be safe for concurrent use.
	Check func(token string) bool
}

// Fits reports whether the text can be a token of this format.
func (f *Format) Fits(token string) bool {
	return strings.HasPrefix(token, f.Prefix) &&
		len(token) >= f.MinLength && (f.MaxLength == 0 || len(token) <= f.MaxLength) &&
		(f.Check == nil || f.Check(token))
}

func (f *Format) mistake() string {
	switch {
	case !jose.InAlphabet(f.Prefix):
		return "Prefix has characters that no token has (RFC 6750 2.1)"
	case f.MinLength < 0 || f.MaxLength < 0:
		return "lengths must not be negative"
	case f.MaxLength > 0 && f.MaxLength < max(f.MinLength, len(f.Prefix)):
		return "no token is that short: MaxLength is below MinLength or the length of Prefix"
	}
	return ""
}
