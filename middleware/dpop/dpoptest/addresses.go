package dpoptest

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// pieces is the ath of a token.
func (c *corpus) pieces(token string) string {
	digest := sha256.Sum256([]byte(token))
	return b64.EncodeToString(digest[:])
}

// otherCase swaps the case of letters.
func otherCase(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, text)
}

// spellings are the same address (RFC 3986 6.2.2 and 6.2.3), or differ in what RFC 9449
// 4.3 ignores.
func (c *corpus) spellings() {
	host, path := c.url.Host, c.url.Path
	slash := strings.LastIndexByte(path, '/')
	end := path[len(path)-1:]
	for name, address := range map[string]string{
		"scheme in capitals":          "HTTPS://" + host + path,
		"host in capitals":            "https://" + strings.ToUpper(host) + path,
		"default port":                "https://" + host + ":443" + path,
		"default port with zeros":     "https://" + host + ":0443" + path,
		"empty port":                  "https://" + host + ":" + path,
		"encoded letter":              c.address[:len(c.address)-1] + fmt.Sprintf("%%%02x", end),
		"encoded letter, capitals":    c.address[:len(c.address)-1] + fmt.Sprintf("%%%02X", end),
		"dot segment":                 "https://" + host + "/." + path,
		"dot segment within":          "https://" + host + path[:slash] + "/." + path[slash:],
		"two dots":                    "https://" + host + "/other/.." + path,
		"two dots within":             "https://" + host + path[:slash] + "/x/.." + path[slash:],
		"two dots above the root":     "https://" + host + "/../.." + path,
		"encoded dots":                "https://" + host + "/other/%2e%2E" + path,
		"query":                       c.address + "?page=2",
		"empty query":                 c.address + "?",
		"fragment":                    c.address + "#part",
		"query and fragment":          c.address + "?a=/../b&c=d?e#/../f",
		"fragment with a question":    c.address + "#a?b",
		"query with another address":  c.address + "?https://evil.example/",
		"scheme, host, port and dots": "HTTPS://" + strings.ToUpper(host) + ":443/%2e/x/.." + path + "?q#f",
	} {
		c.add("htu: "+name, "", c.proof(claim("htu", address)))
	}
}

// otherAddresses are good URIs of something else.
func (c *corpus) otherAddresses() {
	host, path := c.url.Host, c.url.Path
	slash := strings.LastIndexByte(path, '/')
	for name, address := range map[string]string{
		"http":                 "http://" + host + path,
		"http at 443":          "http://" + host + ":443" + path,
		"port":                 "https://" + host + ":8443" + path,
		"port 80":              "https://" + host + ":80" + path,
		"host":                 "https://evil.example" + path,
		"host before ours":     "https://" + host + ".evil.example" + path,
		"host with a dot":      "https://" + host + "." + path,
		"subdomain":            "https://x." + host + path,
		"punycode host":        "https://xn--" + host + path,
		"no path":              "https://" + host,
		"path above":           "https://" + host + path[:slash],
		"path below":           c.address + "/more",
		"slash at the end":     c.address + "/",
		"slashes":              "https://" + host + "/" + path,
		"path in other case":   "https://" + host + otherCase(path),
		"encoded slash":        "https://" + host + path[:slash] + "%2F" + path[slash+1:],
		"encoded twice":        c.address[:len(c.address)-1] + fmt.Sprintf("%%25%02x", path[len(path)-1:]),
		"dots beyond":          c.address + "/..",
		"semicolon":            c.address + ";v=1",
		"encoded question":     c.address + "%3Fpage=2",
		"encoded NUL":          c.address + "%00",
		"plus":                 c.address + "+",
		"IPv6":                 "https://[::1]" + path,
		"address within":       "https://evil.example/" + c.address,
		"ours in the fragment": "https://evil.example/#" + c.address,
	} {
		c.add("another htu: "+name, "proof_uri", c.proof(claim("htu", address)))
	}
}

// notAddresses are no HTTP URIs, or not for a proof.
func (c *corpus) notAddresses() {
	host, path := c.url.Host, c.url.Path
	for name, address := range map[string]string{
		"path only":               path,
		"no scheme":               "//" + host + path,
		"host and path":           host + path,
		"one slash":               "https:/" + host + path,
		"three slashes":           "https:///" + host + path,
		"backslashes":             `https:\\` + host + path,
		"backslash in the path":   "https://" + host + strings.ReplaceAll(path, "/", `\`),
		"other scheme":            "wss://" + host + path,
		"user":                    "https://user@" + host + path,
		"user and password":       "https://user:pass@" + host + path,
		"empty user":              "https://@" + host + path,
		"ours as the user":        "https://" + host + "@evil.example" + path,
		"IDN":                     "https://bücher.example" + path,
		"full-width host":         "https://" + strings.ReplaceAll(host, "a", "ａ") + path,
		"ideographic full stop":   "https://" + strings.Replace(host, ".", "。", 1) + path,
		"encoded host":            "https://" + strings.Replace(host, ".", "%2e", 1) + path,
		"illegal character":       "https://ho!st.example" + path,
		"no host":                 "https://" + path,
		"port too large":          "https://" + host + ":65979" + path, // 443 + 65536
		"port zero":               "https://" + host + ":0" + path,
		"port of letters":         "https://" + host + ":https" + path,
		"port with a sign":        "https://" + host + ":+443" + path,
		"two ports":               "https://" + host + ":443:443" + path,
		"unclosed bracket":        "https://[::1" + path,
		"IPv6 zone":               "https://[fe80::1%25eth0]" + path,
		"space before":            " " + c.address,
		"space after":             c.address + " ",
		"space in the query":      c.address + "?a b",
		"line break":              c.address + "\n",
		"tab in the host":         "https://\t" + host + path,
		"NUL":                     c.address + "\x00",
		"not ASCII in the path":   c.address + "é",
		"not ASCII in the query":  c.address + "?é",
		"not ASCII in a fragment": c.address + "#é",
		"bad encoding":            c.address + "%zz",
		"cut encoding":            c.address + "%4",
		"quoted":                  `"` + c.address + `"`,
		"in angle brackets":       "<" + c.address + ">",
	} {
		c.add("no htu: "+name, "proof_uri", c.proof(claim("htu", address)))
	}
}

// times are around the default window of 60 s, with room for a slow test.
func (c *corpus) times() {
	now := c.k.Clock().Unix()
	for name, iat := range map[string]any{"now": now, "30 s ago": now - 30, "30 s ahead": now + 30, "with a fraction": float64(now) + 0.25} {
		c.add("iat "+name, "", c.proof(claim("iat", iat)))
	}
	for name, iat := range map[string]any{
		"61 s ago": now - 61, "100 s ahead": now + 100, "a day ago": now - 86400, "a day ahead": now + 86400,
		"zero": 0, "far ahead": int64(253402300799),
	} {
		c.add("iat "+name, "proof_time", c.proof(claim("iat", iat)))
	}
	for name, iat := range map[string]any{"negative": -1, "in milliseconds": now * 1000, "beyond all dates": 1e300} {
		c.add("iat "+name, "proof_malformed", c.proof(claim("iat", iat)))
	}
	c.add("exp ahead", "", c.proof(claim("exp", now+40)))
	c.add("exp passed", "proof_time", c.proof(claim("exp", now-1)))
	c.add("exp zero", "proof_time", c.proof(claim("exp", 0)))
	c.add("nbf passed", "", c.proof(claim("nbf", now-5)))
	c.add("nbf ahead", "proof_time", c.proof(claim("nbf", now+50)))
}
