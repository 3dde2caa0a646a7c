package validator_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// packed is a status list as lst has it.
func packed(statuses []byte) string {
	var text bytes.Buffer
	w := zlib.NewWriter(&text)
	_, _ = w.Write(statuses)
	_ = w.Close()
	return base64.RawURLEncoding.EncodeToString(text.Bytes())
}

// publisher is a server with a status list, whose tokens are looked up there.
type publisher struct {
	*validatortest.Server
	host      *httptest.Server
	clock     *testClock
	config    validator.Config
	validator *validator.Validator
	requests  atomic.Int64

	mu     sync.Mutex
	answer http.HandlerFunc
}

func publish(t testing.TB, edits ...func(*validator.Config)) *publisher {
	t.Helper()
	p := &publisher{clock: newClock()}
	p.Server = start(t, validatortest.Options{Clock: p.clock.Now, Lifetime: lifetime})
	p.host = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		assert.Equal(t, "application/statuslist+jwt", r.Header.Get("Accept"))
		p.mu.Lock()
		answer := p.answer
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.host.Close)
	is := trust(p.Server)
	is.StatusListHosts = []string{"lists.example.com", strings.TrimPrefix(p.host.URL, "http://")}
	p.config = configure(is)
	p.config.Clock = p.clock.Now
	for _, edit := range edits {
		edit(&p.config)
	}
	p.validator = build(t, p.config)
	return p
}

func (p *publisher) uri() string { return p.host.URL + "/lists/1" }

// list is a good status list token, with these claims; nil leaves one out.
func (p *publisher) list(bits int, statuses []byte, claims members, header members) string {
	all := members{
		"iss": p.Issuer(), "sub": p.uri(), "iat": p.clock.Now().Unix(), "ttl": 60,
		"status_list": members{"bits": bits, "lst": packed(statuses)},
	}
	head := members{"typ": "statuslist+jwt", "alg": "ES256", "kid": p.KID()}
	maps.Copy(all, claims)
	maps.Copy(head, header)
	for _, m := range []members{all, head} {
		maps.DeleteFunc(m, func(_ string, value any) bool { return value == nil })
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	first, err := json.Marshal(head)
	if err != nil {
		panic(err)
	}
	kid, _ := head["kid"].(string)
	return p.Sign(kid, first, text)
}

// says serves that from now on.
func (p *publisher) says(body string) {
	p.does(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
}

func (p *publisher) does(answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// token is one whose status is at that place of the list.
func (p *publisher) token(index any, edits ...validatortest.Edit) string {
	status := members{"status_list": members{"idx": index, "uri": p.uri()}}
	return p.AccessToken(append([]validatortest.Edit{validatortest.Claim("status", status)}, edits...)...)
}

// TestStatusList: a token is as good as its place in the list says, on a hit as on a
// miss, as soon as the list is read again.
func TestStatusList(t *testing.T) {
	p := publish(t)
	p.says(p.list(1, []byte{0b0000_0010, 0}, nil, nil))
	good, bad := p.token(0), p.token(1)
	for range 2 {
		accept(t, p.validator, good)
		e := reject(t, p.validator, bad, validator.ErrInvalidToken, validator.ReasonRevoked)
		assert.True(t, e.Verified)
	}
	accept(t, p.validator, p.token(15))
	reject(t, p.validator, p.token(16), validator.ErrInvalidToken, validator.ReasonStatusUnknown)
	assert.EqualValues(t, 1, p.requests.Load())

	p.says(p.list(1, []byte{0b0000_0001}, nil, nil))
	p.clock.Advance(time.Minute - time.Millisecond)
	before := p.validator.CacheStats().Hits
	accept(t, p.validator, good)
	assert.Equal(t, before+1, p.validator.CacheStats().Hits, "nobody waited, and so nothing is decided twice")
	p.clock.Advance(time.Millisecond)
	reject(t, p.validator, good, validator.ErrInvalidToken, validator.ReasonRevoked)
	accept(t, p.validator, bad)
	assert.EqualValues(t, 2, p.requests.Load())
	accept(t, p.validator, p.AccessToken())
	assert.EqualValues(t, 2, p.requests.Load(), "a token that names no list")
}

// TestStatuses: two, four and eight bits a status, the lowest first.
func TestStatuses(t *testing.T) {
	for bits, list := range map[int]struct {
		statuses []byte
		want     []validator.Reason
	}{
		1: {[]byte{0b0000_0101}, []validator.Reason{validator.ReasonRevoked, "", validator.ReasonRevoked}},
		2: {[]byte{0b11_10_01_00, 0b0000_0001}, []validator.Reason{
			"", validator.ReasonRevoked, validator.ReasonSuspended, validator.ReasonStatusUnknown, validator.ReasonRevoked, "",
		}},
		4: {[]byte{0x10, 0x42}, []validator.Reason{"", validator.ReasonRevoked, validator.ReasonSuspended, validator.ReasonStatusUnknown}},
		8: {[]byte{0, 1, 2, 255}, []validator.Reason{"", validator.ReasonRevoked, validator.ReasonSuspended, validator.ReasonStatusUnknown}},
	} {
		p := publish(t)
		p.says(p.list(bits, list.statuses, nil, nil))
		for index, want := range list.want {
			if want == "" {
				accept(t, p.validator, p.token(index))
				continue
			}
			reject(t, p.validator, p.token(index), validator.ErrInvalidToken, want)
		}
		reject(t, p.validator, p.token(len(list.statuses)*8/bits), validator.ErrInvalidToken, validator.ReasonStatusUnknown)
	}
}

// TestStatusClaims: what a token may say about its status. Nothing is fetched for one
// that is refused by that, or by its signature.
func TestStatusClaims(t *testing.T) {
	p := publish(t)
	p.says(p.list(1, []byte{0}, nil, nil))
	at := func(uri string) members { return members{"status_list": members{"idx": 0, "uri": uri}} }
	for name, tc := range map[string]struct {
		status any
		reason validator.Reason
	}{
		"a text":                     {"active", ""},
		"a list":                     {[]int{1}, ""},
		"another mechanism":          {members{"identifier_list": members{"id": "x", "uri": p.uri()}}, validator.ReasonStatusUnknown},
		"nothing":                    {members{}, validator.ReasonStatusUnknown},
		"no uri":                     {members{"status_list": members{"idx": 0}}, validator.ReasonMalformedClaims},
		"no idx":                     {members{"status_list": members{"uri": p.uri()}}, validator.ReasonMalformedClaims},
		"negative":                   {members{"status_list": members{"idx": -1, "uri": p.uri()}}, validator.ReasonMalformedClaims},
		"a fraction":                 {members{"status_list": members{"idx": 0.5, "uri": p.uri()}}, validator.ReasonMalformedClaims},
		"idx is a text":              {members{"status_list": members{"idx": "0", "uri": p.uri()}}, validator.ReasonMalformedClaims},
		"idx is large":               {members{"status_list": members{"idx": json.RawMessage("18446744073709551616"), "uri": p.uri()}}, validator.ReasonMalformedClaims},
		"uri is a number":            {members{"status_list": members{"idx": 0, "uri": 1}}, validator.ReasonMalformedClaims},
		"uri is too long":            {at(p.uri() + "?" + strings.Repeat("x", 2048)), validator.ReasonMalformedClaims},
		"status_list is a text":      {members{"status_list": "x"}, validator.ReasonMalformedClaims},
		"a look-alike":               {members{"status_list": members{"idx": 0, "uri": p.uri(), "Uri": "x"}}, validator.ReasonMalformedClaims},
		"a look-alike mechanism":     {members{"Status_List": members{"idx": 0, "uri": p.uri()}}, validator.ReasonMalformedClaims},
		"another host":               {at("http://127.0.0.1:1/lists/1"), validator.ReasonStatusUnknown},
		"no URL":                     {at("%"), validator.ReasonStatusUnknown},
		"no host":                    {at("/lists/1"), validator.ReasonStatusUnknown},
		"the issuer's host":          {at(p.Issuer() + "/lists/1"), validator.ReasonStatusUnavailable},
		"uri as long as can be":      {at(p.Issuer() + "/" + strings.Repeat("x", 2047-len(p.Issuer()))), validator.ReasonStatusUnavailable},
		"a named host, not by https": {at("http://lists.example.com/1"), validator.ReasonStatusUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			raw := p.AccessToken(validatortest.Claim("status", tc.status))
			switch tc.reason {
			case "":
				accept(t, p.validator, raw)
			case validator.ReasonStatusUnavailable:
				reject(t, p.validator, raw, validator.ErrUnavailable, tc.reason)
			default:
				e := reject(t, p.validator, raw, validator.ErrInvalidToken, tc.reason)
				assert.False(t, e.Verified)
			}
		})
	}
	reject(t, p.validator, forged(p.token(0)), validator.ErrInvalidToken, validator.ReasonBadSignature)
	reject(t, p.validator, p.AccessToken(validatortest.Claim("Status", members{})), validator.ErrInvalidToken, validator.ReasonMalformedClaims)
	assert.Zero(t, p.requests.Load())
}

// TestAllowUnknownStatus is about other mechanisms alone.
func TestAllowUnknownStatus(t *testing.T) {
	p := publish(t, func(c *validator.Config) { c.Issuers[0].AllowUnknownStatus = true })
	p.says(p.list(1, []byte{1}, nil, nil))
	accept(t, p.validator, p.AccessToken(validatortest.Claim("status", members{"identifier_list": members{}})))
	reject(t, p.validator, p.token(0), validator.ErrInvalidToken, validator.ReasonRevoked)
	reject(t, p.validator, p.token("x"), validator.ErrInvalidToken, validator.ReasonMalformedClaims)
}

// TestHostileLists: a list that is not good decides nothing, and the token waits until
// there is a good one.
func TestHostileLists(t *testing.T) {
	p := publish(t)
	other := start(t, validatortest.Options{})
	statuses := []byte{0}
	now := p.clock.Now()
	claim := func(name string, value any) string { return p.list(1, statuses, members{name: value}, nil) }
	header := func(name string, value any) string { return p.list(1, statuses, nil, members{name: value}) }
	lst := func(bits, lst any) string { return claim("status_list", members{"bits": bits, "lst": lst}) }
	good := p.list(1, statuses, nil, nil)
	unlisted := p.Prepare("ES256")
	parts := strings.Split(good, ".")
	behind := func(more string) string { // the same claims, and more behind them
		return p.Sign("", []byte(decoded(t, parts[0])), []byte(strings.TrimSuffix(decoded(t, parts[1]), "}")+more))
	}
	for name, body := range map[string]string{
		"nothing":                  "",
		"HTML":                     "<html>",
		"no signature":             parts[0] + "." + parts[1] + ".",
		"a payload that is none":   parts[0] + "." + parts[1] + "~." + parts[2],
		"a date behind all":        behind(`,"exp":"1"}`),
		"a duplicate behind all":   behind(`,"iat":1}`),
		"text behind all":          behind(`}x`),
		"a forged signature":       forged(good),
		"a line feed in it":        good[:len(good)-10] + "\n" + good[len(good)-10:],
		"a key that is not listed": p.Sign(unlisted, []byte(decoded(t, parts[0])), []byte(decoded(t, parts[1]))),
		"another issuer's key":     other.Sign("", []byte(decoded(t, parts[0])), []byte(decoded(t, parts[1]))),
		"typ JWT":                  header("typ", "JWT"),
		"typ of an access token":   header("typ", "at+jwt"),
		"no typ":                   header("typ", nil),
		"an access token":          p.AccessToken(),
		"alg none":                 header("alg", "none"),
		"crit":                     header("crit", []string{"exp"}),
		"another issuer":           claim("iss", other.Issuer()),
		"another list":             claim("sub", p.uri()+"0"),
		"of no list":               claim("sub", nil),
		"no iat":                   claim("iat", nil),
		"to come":                  claim("iat", now.Add(validator.DefaultLeeway+time.Second).Unix()),
		"iat is a text":            claim("iat", "1"),
		"expired":                  claim("exp", now.Add(-validator.DefaultLeeway).Unix()),
		"exp is 0":                 claim("exp", 0),
		"ttl is 0":                 claim("ttl", 0),
		"ttl is negative":          claim("ttl", -1),
		"ttl is a text":            claim("ttl", "60"),
		"no list":                  claim("status_list", nil),
		"list is a text":           claim("status_list", "x"),
		"a look-alike":             claim("Sub", "x"),
		"three bits":               lst(3, packed(statuses)),
		"no bits":                  lst(nil, packed(statuses)),
		"bits is a text":           lst("1", packed(statuses)),
		"empty lst":                lst(1, ""),
		"lst is a number":          lst(1, 1),
		"lst with a line feed":     lst(1, packed(statuses)[:4]+"\n"+packed(statuses)[4:]),
		"lst with padding":         lst(1, packed(statuses)+"="),
		"lst is not compressed":    lst(1, "AAAA"),
		"lst is cut":               lst(1, packed(bytes.Repeat([]byte{1, 2, 3}, 1000))[:20]),
		"lst is a bomb":            lst(1, packed(make([]byte, 1<<20+1))),
		"longer than a body is":    good + strings.Repeat(" ", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			p.says(body)
			e := reject(t, build(t, p.config), p.token(0), validator.ErrUnavailable, validator.ReasonStatusUnavailable)
			assert.Equal(t, 5*time.Second, e.RetryAfter)
		})
	}
	p.says(p.list(1, make([]byte, 1<<20), nil, nil)) // the neighbour of all, and as long as can be
	accept(t, p.validator, p.token(0))
}

// TestStatusListRedirected: what must not be in the address of a list must not be in one
// that a redirect gives either, though it is on the same host: its server would have us
// send what it likes as a password.
func TestStatusListRedirected(t *testing.T) {
	p := publish(t)
	for user, fits := range map[string]bool{"": true, "user:secret@": false} {
		elsewhere := strings.Replace(p.host.URL, "http://", "http://"+user, 1) + "/lists/2"
		body := p.list(1, []byte{0}, nil, nil)
		p.does(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/lists/1" {
				http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
				return
			}
			fmt.Fprint(w, body)
		})
		v, before := build(t, p.config), p.requests.Load()
		if fits {
			accept(t, v, p.token(0))
			assert.Equal(t, before+2, p.requests.Load())
			continue
		}
		reject(t, v, p.token(0), validator.ErrUnavailable, validator.ReasonStatusUnavailable)
		assert.Equal(t, before+1, p.requests.Load(), "nobody is asked there")
	}
}

// TestStatusListIsKept by its ttl, for five minutes if it has none, and not beyond exp.
func TestStatusListIsKept(t *testing.T) {
	for name, tc := range map[string]struct {
		claims members
		kept   time.Duration
	}{
		"ttl":               {members{"ttl": 90}, 90 * time.Second},
		"ttl, a fraction":   {members{"ttl": 7.5}, 7500 * time.Millisecond},
		"ttl of an instant": {members{"ttl": 1e-9}, 5 * time.Second},
		"ttl for ever":      {members{"ttl": 1e300}, 24 * time.Hour},
		"no ttl":            {members{"ttl": nil}, 5 * time.Minute},
		"exp":               {members{"ttl": 3600, "exp": newClock().Now().Add(time.Minute).Unix()}, time.Minute + validator.DefaultLeeway},
		"exp after ttl":     {members{"ttl": 60, "exp": newClock().Now().Add(time.Hour).Unix()}, time.Minute},
		"without iss":       {members{"iss": nil}, time.Minute},
		"of long ago":       {members{"iat": 0}, time.Minute},
		"of a fast clock":   {members{"iat": newClock().Now().Add(validator.DefaultLeeway).Unix()}, time.Minute},
		"with other claims": {members{"jti": "j", "zz": members{"bits": 8}}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			p := publish(t)
			p.says(p.list(1, []byte{0}, tc.claims, nil))
			raw := p.token(0, validatortest.Expiry(p.clock.Now().Add(48*time.Hour)))
			accept(t, p.validator, raw)
			p.says(p.list(1, []byte{1}, members{"iat": p.clock.Now().Add(tc.kept).Unix()}, nil))
			p.clock.Advance(tc.kept - time.Millisecond)
			accept(t, p.validator, raw)
			p.clock.Advance(time.Millisecond)
			reject(t, p.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
		})
	}
}

// TestStatusListThatCannotBeHad: it is not asked for at each request.
func TestStatusListThatCannotBeHad(t *testing.T) {
	p := publish(t)
	p.does(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "20")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	raw := p.token(0)
	for range 3 {
		e := reject(t, p.validator, raw, validator.ErrUnavailable, validator.ReasonStatusUnavailable)
		assert.Equal(t, 20*time.Second, e.RetryAfter)
	}
	assert.EqualValues(t, 1, p.requests.Load())
	p.says(p.list(1, []byte{0}, nil, nil))
	p.clock.Advance(20*time.Second - time.Millisecond)
	reject(t, p.validator, raw, validator.ErrUnavailable, validator.ReasonStatusUnavailable)
	p.clock.Advance(time.Millisecond)
	accept(t, p.validator, raw)
	assert.EqualValues(t, 2, p.requests.Load())
}

// TestStatusListIsShared: all who need a list wait for one fetch, and each may leave.
func TestStatusListIsShared(t *testing.T) {
	p := publish(t)
	accept(t, p.validator, p.AccessToken()) // the keys
	arrived, proceed := make(chan struct{}, 10), make(chan struct{})
	body := p.list(1, []byte{0}, nil, nil)
	p.does(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-proceed
		fmt.Fprint(w, body)
	})
	var group sync.WaitGroup
	for i := range 8 {
		raw := p.token(i)
		group.Go(func() {
			_, err := p.validator.Validate(t.Context(), raw)
			assert.NoError(t, err)
		})
	}
	<-arrived
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := p.validator.Validate(ctx, p.token(0))
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
	close(proceed)
	group.Wait()
	assert.EqualValues(t, 1, p.requests.Load())
}

// TestStatusListsOfTwoIssuers: the list of one issuer is nothing to the other's tokens,
// though both name the same address.
func TestStatusListsOfTwoIssuers(t *testing.T) {
	var other *validatortest.Server
	p := publish(t, func(c *validator.Config) {
		other = start(t, validatortest.Options{Clock: c.Clock})
		is := trust(other)
		is.StatusListHosts = c.Issuers[0].StatusListHosts
		c.Issuers = append(c.Issuers, is)
	})
	p.says(p.list(1, []byte{0}, members{"iss": nil}, nil))
	accept(t, p.validator, p.token(0))
	status := members{"status_list": members{"idx": 0, "uri": p.uri()}}
	reject(t, p.validator, other.AccessToken(validatortest.Claim("status", status)), validator.ErrUnavailable, validator.ReasonStatusUnavailable)
	accept(t, p.validator, p.token(0))
}

// TestStatusListsOfTwoTenants: so it is with tenants of one configured issuer, on a hit
// as on a miss.
func TestStatusListsOfTwoTenants(t *testing.T) {
	s := newRevocableTenants(t)
	uri, iss := "", s.base+oneTenant
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		list, err := json.Marshal(members{
			"iss": iss, "sub": uri, "iat": s.config.Clock().Unix(), "status_list": members{"bits": 1, "lst": packed([]byte{0})},
		})
		assert.NoError(t, err)
		fmt.Fprint(w, s.Sign("", fmt.Appendf(nil, `{"typ":"statuslist+jwt","alg":"ES256","kid":%q}`, s.KID()), list))
	}))
	t.Cleanup(host.Close)
	uri = host.URL + "/lists/1"
	s.config.Issuers[0].StatusListHosts = []string{strings.TrimPrefix(host.URL, "http://")}
	v := build(t, s.config)
	status := validatortest.Claim("status", members{"status_list": members{"idx": 0, "uri": uri}})
	accept(t, v, s.token(oneTenant, status))
	reject(t, v, s.token(otherTenant, status), validator.ErrUnavailable, validator.ReasonStatusUnavailable)
	accept(t, v, s.token(oneTenant, status))
}

// TestStatusListOfAWithdrawnKey: a list is worth no more than the key that signed it,
// for as long as it is kept.
func TestStatusListOfAWithdrawnKey(t *testing.T) {
	p := publish(t)
	stolen := p.KID()
	kept := p.Rotate("ES256")
	p.says(p.list(1, []byte{0}, members{"ttl": 86400}, members{"kid": stolen}))
	raw := p.MintWith(kept, validatortest.Claim("status", members{"status_list": members{"idx": 0, "uri": p.uri()}}))
	accept(t, p.validator, raw)
	p.Withdraw(stolen)
	p.clock.Advance(time.Minute)
	accept(t, p.validator, p.MintWith(p.Rotate("ES256"))) // has the keys fetched
	reject(t, p.validator, raw, validator.ErrUnavailable, validator.ReasonStatusUnavailable)
	p.says(p.list(1, []byte{0}, nil, members{"kid": kept}))
	p.clock.Advance(5 * time.Second)
	accept(t, p.validator, raw)
}

func TestStatusConfigMistakes(t *testing.T) {
	p := publish(t)
	for _, host := range []string{"", "https://lists.example.com", "lists.example.com/1", "a b", "user@lists.example.com"} {
		c := p.config
		c.Issuers = []validator.Issuer{p.config.Issuers[0]}
		c.Issuers[0].StatusListHosts = []string{"lists.example.com", host}
		_, err := validator.New(c)
		var mistake *validator.ConfigError
		require.ErrorAs(t, err, &mistake, host)
		assert.Equal(t, "Issuers[0].StatusListHosts", mistake.Field)
	}
}

// TestStatusListThatTakesLong: what became of the token while the list was fetched
// counts.
func TestStatusListThatTakesLong(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile func(*publisher)
		reason    validator.Reason
	}{
		"revoked": {func(p *publisher) {
			require.NoError(t, p.config.Revocations.Revoke(validator.Revocation{Issuer: p.Issuer(), Subject: validatortest.DefaultSubject}))
		}, validator.ReasonRevoked},
		"expired": {func(p *publisher) { p.clock.Advance(lifetime + time.Minute) }, validator.ReasonExpired},
	} {
		t.Run(name, func(t *testing.T) {
			p := publish(t, func(c *validator.Config) {
				c.Issuers[0].MaxTokenLifetime, c.Revocations = lifetime, newRevocations(t, validator.RevocationsConfig{})
			})
			body := p.list(1, []byte{0}, members{"ttl": nil}, nil)
			p.does(func(w http.ResponseWriter, _ *http.Request) {
				tc.meanwhile(p)
				fmt.Fprint(w, body)
			})
			reject(t, p.validator, p.token(0), validator.ErrInvalidToken, tc.reason)
		})
	}
}

// panickyBody is a body of a transport with a bug.
type panickyBody struct{}

func (panickyBody) Read([]byte) (int, error) { panic("the transport panics") }
func (panickyBody) Close() error             { return nil }

// TestStatusListAndAPanic: a transport that panics is no reason to accept, nor one to say
// that the caller left.
func TestStatusListAndAPanic(t *testing.T) {
	p := publish(t, func(c *validator.Config) {
		c.HTTPClient = &http.Client{Transport: wire(func(r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Path, "/lists/") {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: panickyBody{}, Request: r}, nil
			}
			return http.DefaultTransport.RoundTrip(r)
		})}
	})
	e := reject(t, p.validator, p.token(0), validator.ErrUnavailable, validator.ReasonStatusUnavailable)
	assert.True(t, e.Verified)
	assert.NotContains(t, e.Error(), "the transport panics")
}
