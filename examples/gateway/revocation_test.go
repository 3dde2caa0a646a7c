package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

// telling is the simple configuration whose issuer tells of revocations.
var telling = strings.Replace(simple, "    profile: rfc9068\n", `    profile: rfc9068
    max_token_lifetime: 1h
    event_audiences: [https://api.example.com/events]
    logout_client_ids: [orders-api]
`, 1) + `revocation:
  logout_path: /oidc/logout
  events_path: /events
  max_marks: 1000
`

func startTelling(t testing.TB, up string, more ...string) (*front, *validatortest.Server, []string) {
	as := newIssuer(t, validatortest.Options{})
	words := []string{"ISSUER", as.Issuer(), "UPSTREAM", up}
	text := strings.Replace(telling, "routes:\n", "routes:\n"+strings.Join(more, ""), 1)
	return start(t, configure(t, text, words...)), as, words
}

// logout tells the gateway that alice's sessions are over.
func logout(t testing.TB, f *front, as *validatortest.Server) {
	t.Helper()
	token := as.LogoutToken("orders-api", validatortest.Subject("alice"), validatortest.NoClaim("sid"))
	r := f.request(t, http.MethodPost, "/oidc/logout", "", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, 200, f.do(t, r).status)
}

// push tells it so by an event.
func push(t testing.TB, f *front, as *validatortest.Server) {
	t.Helper()
	token := as.EventToken("https://api.example.com/events", sessionRevoked, nil,
		validatortest.Claim("sub_id", map[string]any{"format": "iss_sub", "iss": as.Issuer(), "sub": "alice"}))
	r := f.request(t, http.MethodPost, "/events", "", strings.NewReader(token))
	r.Header.Set("Content-Type", "application/secevent+jwt")
	assert.Equal(t, 202, f.do(t, r).status)
}

var tellings = map[string]func(testing.TB, *front, *validatortest.Server){"logout": logout, "event": push}

// TestRevocation: a token that is cached is refused from the next request on, and is
// after a reload, which keeps what was revoked.
func TestRevocation(t *testing.T) {
	for name, tell := range tellings {
		t.Run(name, func(t *testing.T) {
			f, as, words := startTelling(t, newUpstream(t).URL)
			token, other := mint(as), mint(as, validatortest.Subject("bob"))
			assert.Equal(t, 200, f.get(t, "/orders", token).status)
			assert.Equal(t, 200, f.get(t, "/orders", other).status)
			tell(t, f, as)
			assert.Equal(t, 401, f.get(t, "/orders", token).status)
			assert.Equal(t, 200, f.get(t, "/orders", other).status)

			rewrite(t, f.path, telling+"realm: reloaded\n", words...)
			f.signal(syscall.SIGHUP)
			f.log.wait(t, `"msg":"configuration reloaded"`, 1)
			got := f.get(t, "/orders", token)
			assert.Equal(t, 401, got.status)
			assert.Contains(t, got.header.Get("WWW-Authenticate"), "reloaded")
			assert.Equal(t, 200, f.get(t, "/orders", other).status)
			assert.Contains(t, f.log.String(), `"reason":"revoked"`)
		})
	}
}

// TestRevocationPaths are the gateway's own, and nobody else's.
func TestRevocationPaths(t *testing.T) {
	f, as, _ := startTelling(t, newUpstream(t).URL)
	for _, path := range []string{"/oidc/logout", "/events"} {
		assert.Equal(t, 405, f.get(t, path, mint(as)).status)
		assert.Equal(t, 400, f.do(t, f.request(t, http.MethodPost, path, mint(as), nil)).status)
	}
	assert.Equal(t, 200, f.get(t, "/orders", mint(as)).status)
}

// TestRevocationPathsComeFirst: a route for a host is more specific, and does not get them.
func TestRevocationPathsComeFirst(t *testing.T) {
	f, as, _ := startTelling(t, newUpstream(t).URL, "  - {pattern: 127.0.0.1/, any_token: true}\n")
	assert.NotNil(t, f.get(t, "/elsewhere", mint(as)).seen)
	logout(t, f, as)
	push(t, f, as)
	assert.Equal(t, 200, f.get(t, "/healthz", "").status)
	assert.Equal(t, 401, f.get(t, "/elsewhere", mint(as)).status)
	assert.Contains(t, f.log.String(), `"pattern":"/oidc/logout","access":"public"`)
}

// TestRevokedStreams: an upgraded connection, a stream of events and a body without a
// length end when their token is revoked.
func TestRevokedStreams(t *testing.T) {
	for name, tell := range tellings {
		t.Run(name+" websocket", func(t *testing.T) {
			up, ended := newEcho(t)
			f, as, _ := startTelling(t, up.URL)
			conn, reader, response := upgrade(t, f, mint(as), "websocket")
			require.Equal(t, 101, response.StatusCode)
			others, othersReader, _ := upgrade(t, f, mint(as, validatortest.Subject("bob")), "websocket")
			echoed(t, conn, reader, "hello")
			tell(t, f, as)
			_, err := reader.ReadByte()
			assert.Error(t, err)
			<-ended
			echoed(t, others, othersReader, "still here")
		})
		t.Run(name+" events", func(t *testing.T) {
			up, events, gone := newTicker(t)
			f, as, _ := startTelling(t, up.URL)
			go func() { events <- "first" }()
			response, err := f.client.Do(f.request(t, http.MethodGet, "/orders/1", mint(as), nil))
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, 200, response.StatusCode)
			tell(t, f, as)
			_, err = io.Copy(io.Discard, response.Body)
			assert.Error(t, err, "cut, not finished")
			<-gone
		})
		t.Run(name+" upload", func(t *testing.T) {
			arrived := make(chan struct{})
			up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
				close(arrived)
				_, err := io.Copy(io.Discard, r.Body)
				assert.Error(t, err)
			})
			f, as, _ := startTelling(t, up.URL)
			out, in := io.Pipe()
			defer in.Close()
			go func() {
				<-arrived
				tell(t, f, as)
			}()
			got := f.do(t, f.request(t, http.MethodPost, "/orders", mint(as), out))
			assert.Equal(t, 401, got.status)
			assert.Contains(t, got.header.Get("WWW-Authenticate"), "The access token is invalid")
		})
	}
}

// TestStreamThatBeginsRevoked: an answer without an end that comes after the revocation
// does not begin.
func TestStreamThatBeginsRevoked(t *testing.T) {
	arrived, proceed := make(chan struct{}), make(chan struct{})
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-proceed
		_, _ = io.WriteString(w, "data: late\n\n")
		_ = http.NewResponseController(w).Flush()
	})
	f, as, _ := startTelling(t, up.URL)
	go func() {
		<-arrived
		logout(t, f, as)
		close(proceed)
	}()
	got := f.get(t, "/orders/1", mint(as))
	assert.Equal(t, 401, got.status)
	assert.NotContains(t, got.body, "late")
}

// TestRevocationReloads: what would forget what was revoked is refused; the first
// section may come with a reload.
func TestRevocationReloads(t *testing.T) {
	f, as, words := startTelling(t, newUpstream(t).URL)
	token := mint(as)
	logout(t, f, as)
	for i, text := range []string{strings.Replace(telling, "max_marks: 1000", "max_marks: 2000", 1), simple} {
		rewrite(t, f.path, text, words...)
		f.signal(syscall.SIGHUP)
		f.log.wait(t, "cannot change while the gateway runs: restart it", i+1)
		assert.Equal(t, 401, f.get(t, "/orders", token).status)
	}

	f, as = startSimple(t)
	token = mint(as)
	assert.Equal(t, 200, f.get(t, "/orders", token).status)
	rewrite(t, f.path, telling, "ISSUER", as.Issuer(), "UPSTREAM", newUpstream(t).URL)
	f.signal(syscall.SIGHUP)
	f.log.wait(t, `"msg":"configuration reloaded"`, 1)
	push(t, f, as)
	assert.Equal(t, 401, f.get(t, "/orders", token).status)
}

func TestRevocationMistakes(t *testing.T) {
	good := strings.Replace(base, "    client_ids: [orders-app]\n", "    client_ids: [orders-app]\n    max_token_lifetime: 1h\n", 1)
	signals := "    event_audiences: [a]\n    logout_client_ids: [b]\n"
	telling := strings.Replace(good, "    introspection:\n", signals+"    introspection:\n", 1)
	_, err := load(withSecret(t, telling+"revocation: {logout_path: /l, events_path: /e}\n"))
	require.NoError(t, err, "the neighbour of all")
	const special = "must be a path without anything special, such as /events"
	for name, tc := range map[string]struct {
		text string
		said []string
	}{
		"nothing":        {good + "revocation: {}\n", strs{"20: revocation: is empty: leave it out, or say what it is"}},
		"marks":          {good + "revocation: {max_marks: -1}\n", strs{"20: revocation.max_marks: must not be negative"}},
		"no lifetime":    {base + "revocation: {max_marks: 10}\n", strs{"6: issuers[0].max_token_lifetime: is required with revocation: a mark must outlive every token from before it"}},
		"zero lifetime":  {strings.Replace(good, "1h", "0s", 1), strs{"10: issuers[0].max_token_lifetime: must be more than 0s: leave it out if it does not matter"}},
		"nobody tells":   {good + "revocation: {logout_path: /l, events_path: /e}\n", strs{"20: revocation.logout_path: is for issuers with logout_client_ids, and there is none", "20: revocation.events_path: is for issuers with event_audiences, and there is none"}},
		"nowhere to":     {telling + "revocation: {max_marks: 10}\n", strs{"11: issuers[0].event_audiences: needs revocation.events_path", "12: issuers[0].logout_client_ids: needs revocation.logout_path"}},
		"no revocation":  {telling, strs{"11: issuers[0].event_audiences: is about revocations, but revocation is not there", "12: issuers[0].logout_client_ids: is about revocations, but revocation is not there"}},
		"no path":        {telling + "revocation: {logout_path: l, events_path: http://a/b}\n", strs{"22: revocation.logout_path: " + special, "22: revocation.events_path: " + special}},
		"the root":       {telling + "revocation: {logout_path: /, events_path: '/a?b'}\n", strs{"22: revocation.logout_path: " + special, "22: revocation.events_path: " + special}},
		"wildcards":      {telling + "revocation: {logout_path: '/{l}', events_path: /a%2Fb}\n", strs{"22: revocation.logout_path: " + special, "22: revocation.events_path: " + special}},
		"ambiguous":      {telling + "revocation: {logout_path: /a;b, events_path: /a/../b}\n", strs{"22: revocation.logout_path: " + special, "22: revocation.events_path: " + special}},
		"one path twice": {telling + "revocation: {logout_path: /l, events_path: /l}\n", strs{"22: revocation: /l is another path of the gateway's own already"}},
		"a route's path": {telling + "  - pattern: POST /l\n    public: true\nrevocation: {logout_path: /l, events_path: /e}\n", strs{"22: routes[2].pattern: is where issuers tell of revocations: use another"}},
		"the health":     {telling + "revocation: {logout_path: /healthz, events_path: /e}\n", strs{"22: revocation: /healthz is another path of the gateway's own already"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.said, refused(t, withSecret(t, tc.text))) })
	}
}
