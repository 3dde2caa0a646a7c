package dpop_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// asks asserts what a proof for an address does in a request.
func (a *api) asks(t *testing.T, v *dpop.Verifier, r *http.Request, proven string, good bool) {
	t.Helper()
	r.Header.Set("DPoP", a.key.Proof(r.Method, proven, a.token))
	if err := a.decide(t, v.Request(r, validator.SchemeDPoP), a.token); good {
		assert.NoError(t, err)
	} else {
		invalid(t, err, validator.ReasonProofURI)
	}
}

func origins(list ...string) func(*dpop.Config) {
	return func(c *dpop.Config) { c.Origins = list }
}

func proxies(list ...string) func(*dpop.Config) {
	return func(c *dpop.Config) {
		for _, text := range list {
			c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(text))
		}
	}
}

// TestSingleOrigin: what the request says about its host is not looked at.
func TestSingleOrigin(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, origins("HTTPS://API.Example.com:443/"))
	for _, host := range []string{"api.example.com", "10.0.0.7:8080", "evil.example", "", "é"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = host
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("X-Forwarded-Proto", "http")
		r.Header.Set("Forwarded", "host=evil.example;proto=http")
		a.asks(t, v, r, address, true)
		a.asks(t, v, r, "https://evil.example"+path, false)
		a.asks(t, v, r, "http://api.example.com"+path, false)
	}
}

// TestSeveralOrigins: the Host chooses among them, and invents none.
func TestSeveralOrigins(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, origins(origin, "https://eu.example.com", "https://eu.example.com:8443", "https://[2001:db8::1]"))
	for host, own := range map[string]string{
		"api.example.com": origin, "API.example.com:443": origin, "eu.example.com": "https://eu.example.com",
		"eu.example.com:8443": "https://eu.example.com:8443", "[2001:DB8:0::1]": "https://[2001:db8::1]",
		"evil.example": "", "": "", "eu.example.com:80": "", "api.example.com:8443": "", "api.example.com.": "",
		"api.example.com@evil.example": "", "api.example.com/x": "", "x.api.example.com": "", "api.example.com, eu.example.com": "",
	} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = host
		for _, proven := range []string{origin, "https://eu.example.com", "https://eu.example.com:8443", "https://[2001:db8::1]", "https://evil.example"} {
			a.asks(t, v, r, proven+path, proven == own)
		}
	}
}

// TestForwardedFromNobody: without a declaration, and from anybody else than those
// declared, the headers are not looked at.
func TestForwardedFromNobody(t *testing.T) {
	a := newAPI(t, "ES256")
	both := origins(origin, "https://eu.example.com")
	for name, v := range map[string]*dpop.Verifier{
		"none": a.verifier(t, both), "others": a.verifier(t, both, proxies("10.0.0.0/8", "2001:db8::/32")),
	} {
		for _, remote := range []string{"192.0.2.1:1234", "11.0.0.1:1", "[2001:db9::1]:1", "", "10.0.0.1", "pipe", "[::ffff:11.0.0.1]:1"} {
			for header, value := range map[string]string{"X-Forwarded-Host": "eu.example.com", "Forwarded": "host=eu.example.com", "X-Forwarded-Proto": "http"} {
				r := httptest.NewRequest("GET", path, nil)
				r.Host, r.RemoteAddr = "api.example.com", remote
				r.Header.Set(header, value)
				t.Run(name+" "+remote+" "+header, func(t *testing.T) {
					a.asks(t, v, r, address, true)
					a.asks(t, v, r, "https://eu.example.com"+path, false)
				})
			}
		}
	}
}

// TestForwarded: a declared peer chooses the origin, by what it wrote itself: the last
// element of a list. What it calls another origin is refused, plain http among it.
func TestForwarded(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, origins(origin, "https://eu.example.com"), proxies("10.0.0.0/8", "2001:db8::/32", "192.0.2.9/32"))
	eu, none := "https://eu.example.com", ""
	type header map[string][]string
	for name, tc := range map[string]struct {
		header header
		own    string
	}{
		"nothing":                   {header{}, origin},
		"host":                      {header{"X-Forwarded-Host": {"eu.example.com"}}, eu},
		"host in capitals":          {header{"X-Forwarded-Host": {"EU.Example.COM:443"}}, eu},
		"host and proto":            {header{"X-Forwarded-Host": {"eu.example.com"}, "X-Forwarded-Proto": {"HTTPS"}}, eu},
		"proto":                     {header{"X-Forwarded-Proto": {"https"}}, origin},
		"plain http":                {header{"X-Forwarded-Proto": {"http"}}, none},
		"host and plain http":       {header{"X-Forwarded-Host": {"eu.example.com"}, "X-Forwarded-Proto": {"http"}}, none},
		"foreign host":              {header{"X-Forwarded-Host": {"evil.example"}}, none},
		"port":                      {header{"X-Forwarded-Host": {"eu.example.com:8443"}}, none},
		"empty":                     {header{"X-Forwarded-Host": {""}, "X-Forwarded-Proto": {""}, "Forwarded": {""}}, origin},
		"list, the peer's":          {header{"X-Forwarded-Host": {"evil.example, eu.example.com"}}, eu},
		"list, the client's":        {header{"X-Forwarded-Host": {"eu.example.com, evil.example"}}, none},
		"lines, the peer's":         {header{"X-Forwarded-Host": {"evil.example", "eu.example.com"}}, eu},
		"lines, the client's":       {header{"X-Forwarded-Host": {"eu.example.com", "evil.example"}}, none},
		"protos, the client's":      {header{"X-Forwarded-Proto": {"https, http"}}, none},
		"RFC 7239":                  {header{"Forwarded": {"host=eu.example.com"}}, eu},
		"RFC 7239, all":             {header{"Forwarded": {`for=192.0.2.60; Proto=HTTPS ;HOST="eu.example.com" ;by=_x`}}, eu},
		"RFC 7239, quoted":          {header{"Forwarded": {`host="eu\.example.com";for="[2001:db8::17],4711"`}}, eu},
		"RFC 7239, http":            {header{"Forwarded": {"proto=http;host=eu.example.com"}}, none},
		"RFC 7239, foreign":         {header{"Forwarded": {"host=evil.example"}}, none},
		"RFC 7239, only for":        {header{"Forwarded": {"for=192.0.2.60"}}, origin},
		"RFC 7239, the peer's":      {header{"Forwarded": {"host=evil.example, host=eu.example.com"}}, eu},
		"RFC 7239, the client's":    {header{"Forwarded": {"host=eu.example.com,for=x;host=evil.example"}}, none},
		"RFC 7239, lines":           {header{"Forwarded": {"host=evil.example", "host=eu.example.com"}}, eu},
		"RFC 7239, empty at end":    {header{"Forwarded": {"host=eu.example.com,"}}, origin},
		"RFC 7239, hidden":          {header{"Forwarded": {`for="x, host=eu.example.com";host=api.example.com`}}, origin},
		"RFC 7239, empty pairs":     {header{"Forwarded": {";;host=eu.example.com;;proto=https;"}}, eu},
		"RFC 7239, empty first":     {header{"Forwarded": {", ,host=eu.example.com"}}, eu},
		"RFC 7239, empty value":     {header{"Forwarded": {"host=;proto=https"}}, origin},
		"RFC 7239, name alone":      {header{"Forwarded": {"for;host=eu.example.com"}}, none},
		"RFC 7239, text first":      {header{"Forwarded": {"x,host=eu.example.com"}}, none},
		"both kinds, http of one":   {header{"X-Forwarded-Proto": {"http"}, "Forwarded": {"host=eu.example.com"}}, none},
		"both kinds, host of one":   {header{"X-Forwarded-Host": {"eu.example.com"}, "Forwarded": {"proto=https"}}, eu},
		"both kinds, http of other": {header{"X-Forwarded-Host": {"eu.example.com"}, "Forwarded": {"proto=http"}}, none},
		"both kinds, host of other": {header{"X-Forwarded-Proto": {"https"}, "Forwarded": {"host=eu.example.com"}}, eu},
		"RFC 7239, twice":           {header{"Forwarded": {"host=eu.example.com;host=eu.example.com"}}, none},
		"RFC 7239, twice, cased":    {header{"Forwarded": {"host=eu.example.com;HOST=api.example.com"}}, none},
		"RFC 7239, no pair":         {header{"Forwarded": {"eu.example.com"}}, none},
		"RFC 7239, no name":         {header{"Forwarded": {"=eu.example.com"}}, none},
		"RFC 7239, no quoted one":   {header{"Forwarded": {`="eu.example.com"`}}, none},
		"RFC 7239, open quote":      {header{"Forwarded": {`host="eu.example.com`}}, none},
		"RFC 7239, cut escape":      {header{"Forwarded": {`host="eu.example.com\`}}, none},
		"RFC 7239, after a quote":   {header{"Forwarded": {`host="eu.example.com"x`}}, none},
		"RFC 7239, quote within":    {header{"Forwarded": {`host=eu"x"`}}, none},
		"RFC 7239, space within":    {header{"Forwarded": {`host=eu.example.com x`}}, none},
		"RFC 7239, space elsewhere": {header{"Forwarded": {`for=a b;host=eu.example.com`}}, none},
		"RFC 7239, quote elsewhere": {header{"Forwarded": {`for=a"b";host=eu.example.com`}}, none},
		"both agree":                {header{"Forwarded": {"host=EU.example.com;proto=https"}, "X-Forwarded-Host": {"eu.example.com"}, "X-Forwarded-Proto": {"https"}}, eu},
		"both add up":               {header{"Forwarded": {"host=eu.example.com"}, "X-Forwarded-Proto": {"https"}}, eu},
		"both add up otherwise":     {header{"Forwarded": {"proto=http"}, "X-Forwarded-Host": {"eu.example.com"}}, none},
		"both, other hosts":         {header{"Forwarded": {"host=eu.example.com"}, "X-Forwarded-Host": {"api.example.com"}}, none},
		"both, the other way":       {header{"Forwarded": {"proto=http"}, "X-Forwarded-Proto": {"https"}}, none},
		"both, other protos":        {header{"Forwarded": {"proto=https"}, "X-Forwarded-Proto": {"http"}}, none},
	} {
		for _, remote := range []string{"10.1.2.3:555", "[2001:db8::7]:555", "[::ffff:10.1.2.3]:555", "192.0.2.9:1", "[2001:db8::7%eth0]:555"} {
			t.Run(name+" from "+remote, func(t *testing.T) {
				r := httptest.NewRequest("GET", path, nil)
				r.Host, r.RemoteAddr = "api.example.com", remote
				for name, values := range tc.header {
					r.Header[name] = values
				}
				for _, proven := range []string{origin, eu, "https://evil.example"} {
					a.asks(t, v, r, proven+path, proven == tc.own)
				}
			})
		}
	}
}

// TestForwardedToSingleOrigin: a declared proxy may also say that a request was for
// somewhere else.
func TestForwardedToSingleOrigin(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, proxies("10.0.0.0/8"))
	for host, good := range map[string]bool{"": true, "api.example.com": true, "eu.example.com": false} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host, r.RemoteAddr = "backend:8080", "10.0.0.1:1"
		r.Header.Set("X-Forwarded-Host", host)
		a.asks(t, v, r, address, good)
	}
}

// TestRequestPath: htu is the path that the client sent, not what handlers made of it.
func TestRequestPath(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	for sent, same := range map[string][]string{
		"/orders/list?page=2":                {"/orders/list", "/orders/%6cist", "/x/../orders/list"},
		"/orders/%6Cist":                     {"/orders/list"},
		"/x/../orders/list":                  {"/orders/list"},
		"/orders/%2e%2e/list":                {"/list"},
		"/a%2fb":                             {"/a%2Fb"},
		"/":                                  {"/", "", "/.", "/..", "?x"},
		"//double/slash":                     {"//double/slash"},
		"/https://evil.example/steal":        {"/https://evil.example/steal"},
		"/a|b[c]":                            {"/a|b[c]"}, // as browsers send it
		"/a%7Cb":                             {"/a%7Cb"},
		"/orders/list/":                      {"/orders/list/"},
		"https://evil.example/orders/list?x": {"/orders/list"}, // absolute form, RFC 9112 3.2.2
		"https://evil.example":               {""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI = sent
		var err error
		r.URL, err = r.URL.Parse(sent)
		require.NoError(t, err)
		for _, path := range []string{"/orders/list", "/orders/list/", "/a/b", "/a%2Fb", "/a%7Cb", "/a|b[c]", "/list", "", "//double/slash", "/https://evil.example/steal"} {
			good := false
			for _, own := range same {
				good = good || path == own || path == "" && own == "/"
			}
			t.Run(sent+" for "+path, func(t *testing.T) { a.asks(t, v, r, origin+path, good) })
		}
		for _, path := range same {
			t.Run(sent+" as "+path, func(t *testing.T) { a.asks(t, v, r, origin+path, true) })
		}
	}
	// Bytes that RFC 3986 does not allow are nobody's path.
	for _, sent := range []string{"/a#b", "/a\\b", "/a\"b", "/é", "/a<b", "/a^b", "/a{b}", "/a`b", "/%zz"} {
		r := httptest.NewRequest("GET", "/a", nil)
		r.RequestURI = sent
		a.asks(t, v, r, origin+"/a", false)
		a.asks(t, v, r, origin+sent, false)
	}
	// Handlers further out cut the path that they route by.
	for _, sent := range []string{path, address, "https://evil.example" + path + "?x"} {
		served := false
		http.StripPrefix("/orders", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			served = true
			require.Equal(t, "/list", r.URL.Path)
			a.asks(t, v, r, address, true)
			a.asks(t, v, r, origin+"/list", false)
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", sent, nil))
		assert.True(t, served)
	}
	// A request that no server read has only its URL.
	r, err := http.NewRequest("GET", address+"?x#y", nil)
	require.NoError(t, err)
	a.asks(t, v, r, address, true)
	r.URL = nil
	a.asks(t, v, r, origin+"/", true)
	a.asks(t, v, r, address, false)
	// Request lines without a path (RFC 9112 3.2.3 and 3.2.4), whatever has become of the URL.
	for _, sent := range []string{"*", "api.example.com:443", "ftp://api.example.com" + path} {
		r = httptest.NewRequest("OPTIONS", path, nil)
		r.RequestURI = sent
		a.asks(t, v, r, address, false)
		a.asks(t, v, r, origin, false)
	}
}

// TestTransports: others than net/http name the address, or only its path.
func TestTransports(t *testing.T) {
	a := newAPI(t, "ES256")
	const method = "/orders.Orders/List"
	one := a.verifier(t)
	two := a.verifier(t, origins(origin, "https://eu.example.com"))
	for name, tc := range map[string]struct {
		verifier *dpop.Verifier
		url      string
		good     bool
	}{
		"path":                     {one, method, true},
		"address":                  {one, origin + method, true},
		"address in another form":  {one, strings.ToUpper(origin) + ":443" + method + "?x#y", true},
		"path with another origin": {one, "//evil.example" + method, false},
		"user":                     {one, "https://x@api.example.com" + method, false},
		"other address":            {one, "https://evil.example" + method, false},
		"nothing":                  {one, "", false},
		"relative":                 {one, "orders.Orders/List", false},
		"path of two origins":      {two, method, false},
		"address of two origins":   {two, origin + method, true},
		"other of two origins":     {two, "https://eu.example.com" + method, false},
	} {
		t.Run(name, func(t *testing.T) {
			proof := tc.verifier.Proof(dpop.Request{
				Method: "POST", URL: tc.url, Proofs: []string{a.key.Proof("POST", origin+method, a.token)}, Scheme: validator.SchemeDPoP,
			})
			if err := a.decide(t, proof, a.token); tc.good {
				assert.NoError(t, err)
			} else {
				invalid(t, err, validator.ReasonProofURI)
			}
		})
	}
	// The proof must not name what the transport was not asked by, either.
	proof := one.Proof(dpop.Request{Method: "POST", URL: "https://evil.example" + method,
		Proofs: []string{a.key.Proof("POST", "https://evil.example"+method, a.token)}, Scheme: validator.SchemeDPoP})
	invalid(t, a.decide(t, proof, a.token), validator.ReasonProofURI)
	// A method that is not there is no method.
	proof = one.Proof(dpop.Request{URL: address, Proofs: []string{a.key.Proof("", address, a.token)}, Scheme: validator.SchemeDPoP})
	invalid(t, a.decide(t, proof, a.token), validator.ReasonProofMethod)
}
