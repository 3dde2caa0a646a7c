package validator_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// What the tests' API is called where its issuer tells of revocations.
const eventAudience, logoutClient = "https://api.example.com/events", "orders-api"

const (
	sessionRevoked   = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	credentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	claimsChange     = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
	levelChange      = "https://schemas.openid.net/secevent/caep/event-type/assurance-level-change"
	accountDisabled  = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	accountPurged    = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
	sessionsRevoked  = "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked"
	verification     = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	loggedOut        = "http://schemas.openid.net/event/backchannel-logout"
)

type members = map[string]any

// signalled is a revocable whose issuer tells it of revocations.
type signalled struct {
	*revocable
	heard []validator.Signal
}

func newSignalled(t testing.TB, edits ...func(*validator.Config)) *signalled {
	s := &signalled{}
	s.revocable = newRevocable(t, append([]func(*validator.Config){func(c *validator.Config) {
		c.Issuers[0].EventAudiences, c.Issuers[0].LogoutClientIDs = []string{"other", eventAudience}, []string{"other", logoutClient}
		c.Observer.Signal = func(_ context.Context, heard validator.Signal) { s.heard = append(s.heard, heard) }
	}}, edits...)...)
	return s
}

// issSub is a subject identifier of one of the server's users.
func (s *signalled) issSub(subject string) members {
	return members{"format": "iss_sub", "iss": s.Issuer(), "sub": subject}
}

// event is a SET of one event about a subject, which is in sub_id.
func (s *signalled) event(uri string, subject any, edits ...validatortest.Edit) string {
	return s.EventToken(eventAudience, uri, members{}, append([]validatortest.Edit{validatortest.Claim("sub_id", subject)}, edits...)...)
}

func (s *signalled) logout(edits ...validatortest.Edit) string {
	return s.LogoutToken(logoutClient, edits...)
}

// last is what the observer heard last, and only once.
func (s *signalled) last(t testing.TB) validator.Signal {
	t.Helper()
	require.Len(t, s.heard, 1)
	heard := s.heard[0]
	s.heard = nil
	return heard
}

// receive is ReceiveEvent, or ReceiveLogout, of a good signal.
func (s *signalled) receive(t testing.TB, kind validator.SignalKind, raw string) validator.Signal {
	t.Helper()
	receive := s.validator.ReceiveEvent
	if kind == validator.SignalLogout {
		receive = s.validator.ReceiveLogout
	}
	outcome, err := receive(t.Context(), raw)
	require.NoError(t, err)
	heard := s.last(t)
	assert.Equal(t, outcome, heard.Outcome)
	assert.Equal(t, s.Issuer(), heard.Issuer)
	assert.Equal(t, kind, heard.Kind)
	assert.Nil(t, heard.Err)
	return heard
}

// TestEventsRevoke: each event that revokes does so from the next request on; what was
// issued after it is good.
func TestEventsRevoke(t *testing.T) {
	for _, uri := range []string{sessionRevoked, credentialChange, claimsChange, accountDisabled, accountPurged, sessionsRevoked} {
		t.Run(uri, func(t *testing.T) {
			s := newSignalled(t)
			raw, other := s.AccessToken(), s.AccessToken(validatortest.Subject("joe"))
			accept(t, s.validator, raw)
			accept(t, s.validator, other)
			assert.Equal(t, validator.OutcomeRevoked, s.receive(t, validator.SignalEvent, s.event(uri, s.issSub("user"))).Outcome)
			reject(t, s.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
			accept(t, s.validator, other)
			s.clock.Advance(time.Second)
			accept(t, s.validator, s.AccessToken())
		})
	}
}

// TestLogoutRevokes the tokens of the session, or of the user.
func TestLogoutRevokes(t *testing.T) {
	for name, tc := range map[string]struct {
		logout         []validatortest.Edit
		meant, another []validatortest.Edit
	}{
		"user":            {[]validatortest.Edit{validatortest.NoClaim("sid")}, []validatortest.Edit{sid("s1")}, []validatortest.Edit{validatortest.Subject("joe")}},
		"session":         {[]validatortest.Edit{sid("s1"), validatortest.NoClaim("sub")}, []validatortest.Edit{sid("s1")}, []validatortest.Edit{sid("s2")}},
		"session of user": {[]validatortest.Edit{sid("s1")}, []validatortest.Edit{sid("s1")}, []validatortest.Edit{sid("s2")}},
		"token without sid": {[]validatortest.Edit{sid("s1")}, nil, []validatortest.Edit{
			validatortest.Subject("joe"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, typ := range []validatortest.Edit{
				validatortest.HeaderParam("typ", "logout+jwt"), validatortest.HeaderParam("typ", "application/LOGOUT+JWT"),
				validatortest.HeaderParam("typ", "JWT"), validatortest.NoHeaderParam("typ"),
			} {
				s := newSignalled(t)
				raw, another := s.AccessToken(tc.meant...), s.AccessToken(tc.another...)
				accept(t, s.validator, raw)
				assert.Equal(t, validator.OutcomeRevoked, s.receive(t, validator.SignalLogout, s.logout(append(tc.logout, typ)...)).Outcome)
				reject(t, s.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
				accept(t, s.validator, another)
			}
		})
	}
}

// TestLogoutBesideAnotherEvent: a logout token may tell of more.
func TestLogoutBesideAnotherEvent(t *testing.T) {
	for _, other := range []string{"a:first", "z:last"} {
		s := newSignalled(t)
		raw := s.AccessToken(sid("s1"))
		accept(t, s.validator, raw)
		s.receive(t, validator.SignalLogout, s.logout(sid("s1"), validatortest.Claim("events", members{loggedOut: members{}, other: members{}})))
		reject(t, s.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
	}
}

// TestSubjects: what each form of a subject revokes, in sub_id and in the event.
func TestSubjects(t *testing.T) {
	s := newSignalled(t)
	opaque := func(id string) members { return members{"format": "opaque", "id": id} }
	foreign := members{"format": "iss_sub", "iss": "https://other.example.com", "sub": "user"}
	email := members{"format": "email", "email": "user@example.com"}
	jwtID := members{"format": "jwt_id", "iss": s.Issuer(), "jti": "t1"}
	// The tokens: of user in s1, of user without a session, of joe in s2, and t1.
	const inSession, without, joes, named, nobodys = 1, 2, 4, 8, 16
	for _, tc := range []struct {
		uri     string
		subject object
		revoked int
	}{
		{credentialChange, s.issSub("user"), inSession | without | named},
		{credentialChange, members{"subject_type": "iss-sub", "iss": s.Issuer(), "sub": "user"}, inSession | without | named}, // Google's RISC
		{credentialChange, foreign, 0},
		{credentialChange, opaque("user"), inSession | without | named},
		{credentialChange, opaque("s1"), nobodys},
		{claimsChange, opaque("user"), inSession | without | named},
		{accountDisabled, opaque("user"), inSession | without | named},
		{accountPurged, opaque("user"), inSession | without | named},
		{sessionsRevoked, opaque("user"), inSession | without | named},
		{sessionRevoked, opaque("s1"), inSession},
		{sessionRevoked, opaque("user"), nobodys},
		{claimsChange, jwtID, named},
		{claimsChange, members{"format": "jwt_id", "iss": "https://other.example.com", "jti": "t1"}, 0},
		{sessionRevoked, members{"format": "complex", "user": s.issSub("user")}, inSession | without | named},
		{sessionRevoked, members{"user": s.issSub("user")}, inSession | without | named}, // earlier drafts
		{sessionRevoked, members{"session": opaque("s1")}, inSession},
		{sessionRevoked, members{"format": "iss_sub", "iss": s.Issuer(), "sub": "joe", "user": s.issSub("user")}, joes}, // the format decides
		{sessionRevoked, members{"format": "complex", "user": s.issSub("user"), "session": opaque("s1")}, inSession | without | named},
		{sessionRevoked, members{"format": "complex", "user": s.issSub("joe"), "session": opaque("s1")}, inSession},
		{sessionRevoked, members{"format": "complex", "session": opaque("s1"), "device": opaque("d")}, inSession},
		{sessionRevoked, members{"format": "complex", "user": opaque("user"), "device": opaque("d")}, inSession | without | named},
		{sessionRevoked, members{"format": "complex", "user": email, "session": opaque("s2")}, joes},
		{sessionRevoked, members{"format": "complex", "user": s.issSub("user"), "session": email}, inSession | without | named},
		{sessionRevoked, members{"format": "complex", "user": s.issSub("user"), "session": s.issSub("joe")}, inSession | without | named},
		{sessionRevoked, members{"format": "complex", "session": s.issSub("joe")}, joes},
		{sessionRevoked, members{"format": "complex", "user": jwtID, "session": opaque("s1")}, inSession | named},
		{sessionRevoked, members{"format": "complex", "user": email, "session": jwtID}, named},
		{sessionRevoked, members{"format": "complex", "user": s.issSub("joe"), "session": jwtID}, joes},
		{sessionRevoked, members{"format": "complex", "session": members{"format": "aliases", "identifiers": []members{opaque("s1"), jwtID}}}, inSession | named},
		{sessionRevoked, members{"format": "complex", "tenant": opaque("t"), "group": opaque("user")}, 0},
		{credentialChange, members{"format": "aliases", "identifiers": []members{email, s.issSub("user"), foreign}}, inSession | without | named},
		{credentialChange, members{"format": "aliases", "identifiers": []members{email, foreign}}, 0},
		{sessionRevoked, members{"format": "complex", "user": members{"format": "aliases", "identifiers": []members{email, s.issSub("joe")}}}, joes},
		{credentialChange, email, 0},
		{credentialChange, members{"format": "phone_number", "phone_number": "+12065550100"}, 0},
		{credentialChange, members{"format": "account", "uri": "acct:user@example.com"}, 0},
		{credentialChange, members{"format": "did", "url": "did:example:user"}, 0},
		{credentialChange, members{"format": "uri", "uri": "urn:user"}, 0},
		{credentialChange, members{"format": "saml_assertion_id", "issuer": "x", "assertion_id": "user"}, 0},
	} {
		for place, raw := range map[string]func(*signalled) string{
			"sub_id":  func(s *signalled) string { return s.event(tc.uri, tc.subject) },
			"subject": func(s *signalled) string { return s.EventToken(eventAudience, tc.uri, members{"subject": tc.subject}) },
			"subject, and two": func(s *signalled) string {
				return s.EventToken(eventAudience, tc.uri, members{"subject": tc.subject}, validatortest.Claim("sub_id", email))
			},
		} {
			text, err := json.Marshal(tc.subject)
			require.NoError(t, err)
			t.Run(place+" "+string(text), func(t *testing.T) {
				fresh := &signalled{}
				fresh.revocable = &revocable{Server: s.Server, clock: s.clock, config: s.config}
				fresh.config.Revocations = newRevocations(t, validator.RevocationsConfig{})
				fresh.config.Observer.Signal = func(_ context.Context, heard validator.Signal) { fresh.heard = append(fresh.heard, heard) }
				fresh.validator = build(t, fresh.config)
				raws := map[int]string{
					inSession: s.AccessToken(sid("s1")), without: s.AccessToken(), joes: s.AccessToken(validatortest.Subject("joe"), sid("s2")),
					named: s.AccessToken(validatortest.Claim("jti", "t1")),
				}
				for _, raw := range raws {
					accept(t, fresh.validator, raw)
				}
				want := validator.OutcomeRevoked
				if tc.revoked == 0 {
					want = validator.OutcomeUnmatched
				}
				assert.Equal(t, want, fresh.receive(t, validator.SignalEvent, raw(fresh)).Outcome)
				for bit, raw := range raws {
					if tc.revoked&bit != 0 {
						reject(t, fresh.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
					} else {
						accept(t, fresh.validator, raw)
					}
				}
			})
		}
	}
}

// TestTimeOfAnEvent: it is the event's own, and not after the SET itself.
func TestTimeOfAnEvent(t *testing.T) {
	const minute = 60
	for name, tc := range map[string]struct {
		stamp, toe any
		revokes    time.Duration // tokens issued so long before the SET, and up to then
	}{
		"iat":                    {nil, nil, 0},
		"toe":                    {nil, -2 * minute, 2 * time.Minute},
		"event_timestamp":        {-minute, nil, time.Minute},
		"event_timestamp first":  {-minute, -2 * minute, time.Minute},
		"event after the SET":    {minute, nil, 0},
		"toe after the SET":      {nil, minute, 0},
		"in the far future":      {1e12, nil, 0},
		"milliseconds (a draft)": {"ms", nil, 0},
		"milliseconds, and toe":  {"ms", -minute, time.Minute},
		"0":                      {"0", nil, 0},
		"before 1970":            {"-1", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSignalled(t)
			at := s.clock.Now()
			date := func(offset any) any {
				switch offset {
				case "ms":
					return at.UnixMilli()
				case "0":
					return 0
				case "-1":
					return -1
				}
				switch o := offset.(type) {
				case int:
					return at.Unix() + int64(o)
				}
				return offset
			}
			payload, edits := members{}, []validatortest.Edit{validatortest.Claim("sub_id", s.issSub("user"))}
			if tc.stamp != nil {
				payload["event_timestamp"] = date(tc.stamp)
			}
			if tc.toe != nil {
				edits = append(edits, validatortest.Claim("toe", date(tc.toe)))
			}
			s.receive(t, validator.SignalEvent, s.EventToken(eventAudience, credentialChange, payload, edits...))
			issued := func(before time.Duration) string {
				return s.AccessToken(validatortest.Claim("iat", at.Add(-before).Unix()), validatortest.Expiry(at.Add(time.Minute)))
			}
			reject(t, s.validator, issued(tc.revokes), validator.ErrInvalidToken, validator.ReasonRevoked)
			accept(t, s.validator, issued(tc.revokes-time.Second))
		})
	}
}

// TestSeveralEvents in one SET count together, and at the latest of their times.
func TestSeveralEvents(t *testing.T) {
	s := newSignalled(t)
	early, at := s.AccessToken(), s.clock.Now()
	s.clock.Advance(time.Minute)
	s.receive(t, validator.SignalEvent, s.EventToken(eventAudience, levelChange, members{}, validatortest.Claim("events", members{
		levelChange:      members{},
		credentialChange: members{"subject": s.issSub("user"), "event_timestamp": at.Unix()},
		accountDisabled:  members{"subject": s.issSub("joe"), "event_timestamp": at.Unix() - 10},
	})))
	reject(t, s.validator, early, validator.ErrInvalidToken, validator.ReasonRevoked)
	accept(t, s.validator, s.AccessToken())
}

// TestEventsThatRevokeNothing.
func TestEventsThatRevokeNothing(t *testing.T) {
	s := newSignalled(t)
	raw := s.AccessToken()
	accept(t, s.validator, raw)
	for uri, want := range map[string]validator.Outcome{
		levelChange:                             validator.OutcomeIgnored,
		"https://example.com/event":             validator.OutcomeIgnored,
		sessionRevoked + "x":                    validator.OutcomeIgnored,
		"HTTPS" + sessionRevoked[len("https"):]: validator.OutcomeIgnored,
		verification:                            validator.OutcomeVerification,
		"https://schemas.openid.net/secevent/sse/event-type/verification":  validator.OutcomeVerification,
		"https://schemas.openid.net/secevent/risc/event-type/verification": validator.OutcomeVerification,
	} {
		raw := s.EventToken(eventAudience, uri, members{"state": "a state"}, validatortest.Claim("sub_id", s.issSub("user")))
		heard := s.receive(t, validator.SignalEvent, raw)
		assert.Equal(t, want, heard.Outcome, uri)
		assert.Equal(t, want == validator.OutcomeVerification, heard.State == "a state", uri)
	}
	accept(t, s.validator, raw)
	assert.Zero(t, s.revocations.Status().Marks)
}

// TestRepeatedSignals: a signal that comes again is told apart, and changes nothing: not
// even that an issuer is asked again.
func TestRepeatedSignals(t *testing.T) {
	marks := 0
	s := newSignalled(t, func(c *validator.Config) {
		c.Revocations = newRevocations(t, validator.RevocationsConfig{OnMark: func(validator.Watermark) { marks++ }})
	})
	for kind, raw := range map[validator.SignalKind]string{
		validator.SignalEvent:  s.event(credentialChange, s.issSub("user"), validatortest.Claim("jti", "one")),
		validator.SignalLogout: s.logout(validatortest.Claim("jti", "one"), validatortest.NoClaim("sid")),
	} {
		marks = 0
		assert.Equal(t, validator.OutcomeRevoked, s.receive(t, kind, raw).Outcome)
		s.clock.Advance(time.Second)
		good := s.AccessToken()
		accept(t, s.validator, good)
		assert.Equal(t, 1, marks)
		assert.Equal(t, validator.OutcomeRepeated, s.receive(t, kind, raw).Outcome)
		assert.Equal(t, 1, marks)
		accept(t, s.validator, good)

		next, err := s.validator.WithConfig(s.config)
		require.NoError(t, err)
		s.validator = next
		assert.Equal(t, validator.OutcomeRepeated, s.receive(t, kind, raw).Outcome, "after a reload")
	}
}

// TestForgottenSignals: one that comes again after more others than are remembered says
// what it said: of when it is.
func TestForgottenSignals(t *testing.T) {
	s := newSignalled(t)
	raw := s.event(credentialChange, s.issSub("user"))
	s.receive(t, validator.SignalEvent, raw)
	for range 4096 {
		_, err := s.validator.ReceiveEvent(t.Context(), s.EventToken(eventAudience, verification, members{}))
		require.NoError(t, err)
	}
	s.heard = nil
	s.clock.Advance(time.Second)
	good := s.AccessToken()
	assert.Equal(t, validator.OutcomeRevoked, s.receive(t, validator.SignalEvent, raw).Outcome)
	accept(t, s.validator, good)
	s.clock.Advance(2 * lifetime)
	s.receive(t, validator.SignalEvent, s.event(credentialChange, s.issSub("joe")))
	assert.Equal(t, 1, s.revocations.Status().Marks)
}

// TestSignalsOfAnotherIssuer: nobody speaks for another issuer's users.
func TestSignalsOfAnotherIssuer(t *testing.T) {
	var other *validatortest.Server
	s := newSignalled(t, func(c *validator.Config) {
		other = start(t, validatortest.Options{Clock: c.Clock, Lifetime: lifetime})
		is := trust(other)
		is.MaxTokenLifetime, is.EventAudiences = lifetime, []string{eventAudience}
		c.Issuers = append(c.Issuers, is)
	})
	raw := s.AccessToken()
	accept(t, s.validator, raw)
	for _, subject := range []members{s.issSub("user"), {"format": "jwt_id", "iss": s.Issuer(), "jti": "x"}} {
		outcome, err := s.validator.ReceiveEvent(t.Context(), other.EventToken(eventAudience, credentialChange, members{"subject": subject}))
		require.NoError(t, err)
		assert.Equal(t, validator.OutcomeUnmatched, outcome)
	}
	outcome, err := s.validator.ReceiveEvent(t.Context(), other.EventToken(eventAudience, credentialChange, members{"subject": members{"format": "opaque", "id": "user"}}))
	require.NoError(t, err)
	assert.Equal(t, validator.OutcomeRevoked, outcome)
	accept(t, s.validator, raw)
	reject(t, s.validator, other.AccessToken(), validator.ErrInvalidToken, validator.ReasonRevoked)
}

// TestSignalWithoutKeys: while the keys cannot be had nothing is decided, and the same
// signal counts when it comes again.
func TestSignalWithoutKeys(t *testing.T) {
	s := newSignalled(t)
	raw := s.event(credentialChange, s.issSub("user"))
	s.SetKeysMode(validatortest.ModeDown)
	_, err := s.validator.ReceiveEvent(t.Context(), raw)
	refused(t, err, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	assert.Equal(t, validator.ReasonKeysUnavailable, s.last(t).Err.Reason)
	assert.Zero(t, s.revocations.Status().Marks)
	s.SetKeysMode(validatortest.ModeUp)
	s.clock.Advance(10 * time.Second)
	assert.Equal(t, validator.OutcomeRevoked, s.receive(t, validator.SignalEvent, raw).Outcome)

	ctx, leave := context.WithCancel(t.Context())
	leave()
	s = newSignalled(t)
	_, err = s.validator.ReceiveEvent(ctx, s.event(credentialChange, s.issSub("user")))
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
}

// TestSignalConfigMistakes.
func TestSignalConfigMistakes(t *testing.T) {
	s := newSignalled(t)
	for name, edit := range map[string]func(*validator.Config){
		"no Revocations": func(c *validator.Config) { c.Revocations = nil },
		"an empty name": func(c *validator.Config) {
			c.Issuers[0].EventAudiences, c.Issuers[0].LogoutClientIDs = []string{"a", ""}, []string{""}
		},
		"no keys": func(c *validator.Config) {
			c.Issuers[0] = ask(s.Server, func(is *validator.Issuer) {
				is.OpaqueOnly, is.MaxTokenLifetime = true, lifetime
				is.EventAudiences, is.LogoutClientIDs = []string{"a"}, []string{"b"}
			})
		},
	} {
		c := s.config
		c.Issuers = []validator.Issuer{s.config.Issuers[0]}
		edit(&c)
		_, err := validator.New(c)
		require.Error(t, err, name)
		var fields []string
		for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
			fields = append(fields, one.(*validator.ConfigError).Field)
		}
		assert.ElementsMatch(t, []string{"Issuers[0].EventAudiences", "Issuers[0].LogoutClientIDs"}, fields, name)
	}
}

// TestEventAboutATokenOfLongAgo: a token that is named is refused for as long as it
// lives, whatever the event's time.
func TestEventAboutATokenOfLongAgo(t *testing.T) {
	for name, at := range map[string]int64{"late": int64((lifetime - time.Minute) / time.Second), "absurd": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			s := newSignalled(t)
			raw := s.AccessToken(validatortest.Claim("jti", "t1"))
			accept(t, s.validator, raw)
			s.receive(t, validator.SignalEvent, s.EventToken(eventAudience, sessionRevoked, members{"event_timestamp": s.clock.Now().Unix() - at},
				validatortest.Claim("sub_id", members{"format": "jwt_id", "iss": s.Issuer(), "jti": "t1"})))
			for range 2 {
				reject(t, s.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
				s.clock.Advance(lifetime / 2)
				s.revocations.Status() // what can leave does
			}
		})
	}
}
