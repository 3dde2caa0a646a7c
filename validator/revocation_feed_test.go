package validator_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// following are Revocations with a feed that goes to a channel.
func following(t testing.TB, c validator.RevocationsConfig) (*validator.Revocations, *validator.Follower, chan []validator.RevocationMark) {
	t.Helper()
	if c.WhileBehind == validator.NoFeed {
		c.WhileBehind = validator.ServeWhileBehind
	}
	r, told := newRevocations(t, c), make(chan []validator.RevocationMark, 100)
	feed, err := r.Follow(func(marks []validator.RevocationMark) { told <- marks })
	require.NoError(t, err)
	return r, feed, told
}

// replica is a validator of the same issuer and clock, with Revocations of its own.
func (r *revocable) replica(t testing.TB, revocations *validator.Revocations) *revocable {
	t.Helper()
	return newRevocable(t, func(c *validator.Config) {
		c.Issuers, c.Clock, c.Revocations = r.config.Issuers, r.clock.Now, revocations
	})
}

// travel is what becomes of marks between processes.
func travel(t testing.TB, marks []validator.RevocationMark) []validator.RevocationMark {
	t.Helper()
	text, err := validator.EncodeMarks(marks)
	require.NoError(t, err)
	arrived, err := validator.DecodeMarks(text)
	require.NoError(t, err)
	return arrived
}

// everyKind is a revocation of each kind, and a token that it alone concerns.
var everyKind = map[string]struct {
	revocation validator.Revocation
	meant      []validatortest.Edit
}{
	"subject":     {validator.Revocation{Subject: "jane"}, []validatortest.Edit{validatortest.Subject("jane"), sid("other")}},
	"session":     {validator.Revocation{Session: "s1"}, []validatortest.Edit{sid("s1")}},
	"sessionless": {validator.Revocation{Subject: "jim", Session: "s2"}, []validatortest.Edit{validatortest.Subject("jim")}},
	"client":      {validator.Revocation{ClientID: "other"}, []validatortest.Edit{validatortest.ClientID("other")}},
	"token":       {validator.Revocation{TokenID: "t1"}, []validatortest.Edit{validatortest.Claim("jti", "t1")}},
	"issuer":      {validator.Revocation{WholeIssuer: true}, nil},
}

// TestMarksTravel: what is revoked here is refused there, of each kind and nothing else,
// whether it is published when it is made, or by all that is held; and it does not come
// back.
func TestMarksTravel(t *testing.T) {
	for name, tc := range everyKind {
		for _, way := range []string{"published", "held"} {
			t.Run(name+" "+way, func(t *testing.T) {
				here, out, told := following(t, validator.RevocationsConfig{})
				there, in, back := following(t, validator.RevocationsConfig{OnMark: func(validator.Watermark) { t.Error("told of what came") }})
				a := newRevocable(t, func(c *validator.Config) {
					c.Issuers[0].ClientIDs, c.Revocations = []string{client, "other"}, here
				})
				b := a.replica(t, there)
				meant, other := a.AccessToken(tc.meant...), a.AccessToken(validatortest.Subject("joe"), sid("s3"))
				accept(t, b.validator, meant)
				watched, stop := accept(t, b.validator, meant).Watch(t.Context())
				defer stop()
				goesOn, stop := accept(t, b.validator, other).Watch(t.Context())
				defer stop()
				a.revoke(t, tc.revocation)
				marks := <-told
				if way == "held" {
					marks = out.Marks()
				}
				for _, one := range marks {
					assert.True(t, one.At.Equal(a.clock.Now().Add(validator.DefaultLeeway)))
				}
				require.NoError(t, in.Apply(travel(t, marks)))
				reject(t, b.validator, meant, validator.ErrInvalidToken, validator.ReasonRevoked)
				ended(t, watched)
				assert.ElementsMatch(t, out.Marks(), in.Marks(), "each holds the same")
				assert.Empty(t, back)
				if name != "issuer" {
					accept(t, b.validator, other)
					assert.NoError(t, goesOn.Err())
				}
			})
		}
	}
}

// TestMarksOfTenants: each is of one tenant, also where the other process knows one alone.
func TestMarksOfTenants(t *testing.T) {
	const before, after = "https://login.microsoftonline.com/", "/v2.0"
	ours, theirs := "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
	config := func(url string, r *validator.Revocations) validator.Config {
		is := validator.Issuer{
			URL: url, Audiences: []string{audience}, AnyClient: true, MaxTokenLifetime: lifetime,
			Profile: validator.EntraV2(validator.Tenants{AnyTenant: url == before+"{tenantid}"+after}),
		}
		return validator.Config{Issuers: []validator.Issuer{is}, Revocations: r}
	}
	many, _, told := following(t, validator.RevocationsConfig{})
	build(t, config(before+"{tenantid}"+after, many))
	one, in, _ := following(t, validator.RevocationsConfig{})
	build(t, config(before+ours+after, one))
	require.NoError(t, many.Revoke(validator.Revocation{Issuer: before + ours + after, Subject: "s"}))
	require.NoError(t, many.Revoke(validator.Revocation{Issuer: before + theirs + after, Subject: "s"}))
	first, second := <-told, <-told
	assert.NotEqual(t, first[0].Key, second[0].Key)
	require.NoError(t, in.Apply(travel(t, append(first, second...))))
	assert.Equal(t, 2, one.Status().Marks)
	require.NoError(t, one.Revoke(validator.Revocation{Issuer: before + ours + after, Subject: "s"}))
	assert.Equal(t, 2, one.Status().Marks, "the same mark")
}

// TestHeldMarks are those that can still matter: what a full table made of the others is
// among them, and what left in its time is not.
func TestHeldMarks(t *testing.T) {
	here, out, _ := following(t, validator.RevocationsConfig{MaxMarks: 1})
	a := newRevocable(t, func(c *validator.Config) { c.Revocations = here })
	raw := a.AccessToken(validatortest.Subject("jane"))
	a.revoke(t, sub("jane"))
	a.clock.Advance(time.Minute)
	a.revoke(t, sub("joe"))
	marks := out.Marks()
	require.Len(t, marks, 2)
	assert.ElementsMatch(t, []string{"sub", "all"}, []string{marks[0].About, marks[1].About})

	there, in, _ := following(t, validator.RevocationsConfig{})
	b := a.replica(t, there)
	require.NoError(t, in.Apply(travel(t, marks)))
	reject(t, b.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
	accept(t, b.validator, a.AccessToken(validatortest.Subject("jack"))) // issued since
	assert.Equal(t, 1, there.Status().Marks)
	assert.Equal(t, lifetime+2*validator.DefaultLeeway, in.Horizon())

	a.clock.Advance(in.Horizon() - time.Minute)
	assert.Len(t, out.Marks(), 1, "what was folded does not matter any more")
	a.clock.Advance(time.Minute)
	assert.Empty(t, out.Marks())
	assert.Empty(t, in.Marks())
}

// TestMarksThatDoNotApply have no effect on the others.
func TestMarksThatDoNotApply(t *testing.T) {
	here, out, _ := following(t, validator.RevocationsConfig{})
	a := newRevocable(t, func(c *validator.Config) { c.Revocations = here })
	a.revoke(t, sub("user"))
	good := out.Marks()[0]
	for field, edit := range map[string]func(*validator.RevocationMark){
		"RevocationMark.Issuer": func(m *validator.RevocationMark) { m.Issuer += "/" },
		"RevocationMark.About":  func(m *validator.RevocationMark) { m.About = "mail" },
		"RevocationMark.At":     func(m *validator.RevocationMark) { m.At = time.Time{} },
	} {
		t.Run(field, func(t *testing.T) {
			there, in, _ := following(t, validator.RevocationsConfig{})
			b := a.replica(t, there)
			bad := good
			edit(&bad)
			err := in.Apply([]validator.RevocationMark{bad, good})
			var mistake *validator.ConfigError
			require.ErrorAs(t, err, &mistake)
			assert.Equal(t, field, mistake.Field)
			assert.Equal(t, 1, there.Status().Marks)
			reject(t, b.validator, a.AccessToken(), validator.ErrInvalidToken, validator.ReasonRevoked)
		})
	}
}

// TestMarkFromTheFuture refuses nothing that is yet to be issued.
func TestMarkFromTheFuture(t *testing.T) {
	here, feed, _ := following(t, validator.RevocationsConfig{})
	a := newRevocable(t, func(c *validator.Config) { c.Revocations = here })
	a.revoke(t, sub("user"))
	mark := feed.Marks()[0]
	mark.At = a.clock.Now().Add(lifetime)
	require.NoError(t, feed.Apply([]validator.RevocationMark{mark}))
	a.clock.Advance(validator.DefaultLeeway + time.Second)
	accept(t, a.validator, a.AccessToken())
}

// TestFullTableOfMarksThatCome folds like one of those that are made here.
func TestFullTableOfMarksThatCome(t *testing.T) {
	here, out, _ := following(t, validator.RevocationsConfig{})
	a := newRevocable(t, func(c *validator.Config) { c.Revocations = here })
	for _, subject := range []string{"a", "b", "c"} {
		a.revoke(t, sub(subject))
	}
	there, in, _ := following(t, validator.RevocationsConfig{MaxMarks: 2})
	b := a.replica(t, there)
	watched, stop := accept(t, b.validator, a.AccessToken(validatortest.Subject("d"))).Watch(t.Context())
	defer stop()
	require.NoError(t, in.Apply(out.Marks()))
	assert.Equal(t, uint64(1), there.Status().Folded)
	assert.Equal(t, 2, there.Status().Marks)
	ended(t, watched)
}

// TestMarksThatComeTooLate take nobody's room.
func TestMarksThatComeTooLate(t *testing.T) {
	here, out, _ := following(t, validator.RevocationsConfig{})
	a := newRevocable(t, func(c *validator.Config) { c.Revocations = here })
	a.revoke(t, sub("a"))
	late := out.Marks()
	a.clock.Advance(2 * lifetime)
	a.revoke(t, sub("b"))
	there, in, _ := following(t, validator.RevocationsConfig{MaxMarks: 1})
	a.replica(t, there)
	require.NoError(t, in.Apply(append(late, out.Marks()...)))
	assert.Equal(t, 1, there.Status().Marks)
	assert.Zero(t, there.Status().Folded)
}

func TestMarksThatAreNone(t *testing.T) {
	good, err := validator.EncodeMarks(nil)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"nothing": "", "an array": "[]", "cut": string(good[:len(good)-1]), "more after it": string(good) + "{}",
		"another version": `{"format":"bearerguard-marks/2","marks":[]}`, "no format": `{"marks":[]}`,
		"another member":     `{"format":"bearerguard-marks/1","marks":[],"more":1}`,
		"twice":              `{"format":"bearerguard-marks/1","marks":[],"marks":[]}`,
		"a number":           `{"format":"bearerguard-marks/1","marks":[1]}`,
		"a short key":        `{"format":"bearerguard-marks/1","marks":[{"iss":"i","about":"sub","key":"AAAA","at":"2026-01-02T03:04:05Z"}]}`,
		"a time of no kind":  `{"format":"bearerguard-marks/1","marks":[{"iss":"i","about":"sub","key":"AAAAAAAAAAAAAAAAAAAAAA==","at":1}]}`,
		"a mark with others": `{"format":"bearerguard-marks/1","marks":[{"sub":"i"}]}`,
	} {
		_, err := validator.DecodeMarks([]byte(text))
		assert.ErrorIs(t, err, validator.ErrMarks, name)
	}
}

// TestFollowNeedsAChoice: nobody finds out in an outage what was chosen for them.
func TestFollowNeedsAChoice(t *testing.T) {
	nothing := func([]validator.RevocationMark) {}
	var mistake *validator.ConfigError
	feed, err := newRevocations(t, validator.RevocationsConfig{}).Follow(nothing)
	require.ErrorAs(t, err, &mistake)
	assert.Equal(t, "RevocationsConfig.WhileBehind", mistake.Field)
	assert.Nil(t, feed)
	r, _, _ := following(t, validator.RevocationsConfig{})
	feed, err = r.Follow(nothing)
	require.ErrorAs(t, err, &mistake)
	assert.Equal(t, "Revocations", mistake.Field)
	assert.Nil(t, feed)
	_, err = validator.NewRevocations(validator.RevocationsConfig{WhileBehind: 3})
	require.ErrorAs(t, err, &mistake)
	assert.Equal(t, "RevocationsConfig.WhileBehind", mistake.Field)
}

// behind asserts the refusal of a token of which nobody knows whether it was revoked.
func behind(t testing.TB, r *revocable, raw string) {
	t.Helper()
	e := reject(t, r.validator, raw, validator.ErrUnavailable, validator.ReasonRevocationsBehind)
	assert.Positive(t, e.RetryAfter)
	assert.True(t, e.Verified)
}

// TestRefuseWhileBehind: on a hit as on a miss, before the first catching up and after
// it, whoever vouches for the token; and what is known counts all the same.
func TestRefuseWhileBehind(t *testing.T) {
	for _, kind := range []string{"JWT", "asked JWT", "opaque"} {
		t.Run(kind, func(t *testing.T) {
			refusing := validator.RevocationsConfig{WhileBehind: validator.RefuseWhileBehind}
			revocations, feed, _ := following(t, refusing)
			r := newRevocable(t)
			is := ask(r.Server, func(is *validator.Issuer) { is.IntrospectAlways = kind == "asked JWT" })
			is.MaxTokenLifetime = lifetime
			r.config.Issuers, r.config.Revocations = []validator.Issuer{is}, revocations
			r.validator, r.revocations = build(t, r.config), revocations
			mint := func(subject string) string {
				if kind == "opaque" {
					return r.OpaqueToken(validatortest.Subject(subject))
				}
				return r.AccessToken(validatortest.Subject(subject))
			}
			raw, later := mint("jane"), mint("joe")
			behind(t, r, raw)
			behind(t, r, raw)
			feed.CaughtUp(feed.Issuers())
			token := accept(t, r.validator, raw)
			assert.Same(t, token, accept(t, r.validator, raw))
			assert.False(t, revocations.Status().Feed.Behind)

			for range 2 {
				r.clock.Advance(time.Second)
				feed.Behind("the line is cut", 2*time.Second)
				status := revocations.Status().Feed
				assert.Equal(t, validator.FeedStatus{Behind: true, Since: r.clock.Now(), Detail: "the line is cut"}, status)
				for range 2 {
					behind(t, r, raw)
					behind(t, r, later)
				}
				_, err := r.validator.Recheck(token)
				assert.Equal(t, 2*time.Second, refused(t, err, validator.ErrUnavailable, validator.ReasonRevocationsBehind).RetryAfter)
				reloaded := *r
				reloaded.validator = r.fresh(t)
				behind(t, &reloaded, raw)

				r.clock.Advance(time.Second)
				feed.Behind("the line is cut still", 2*time.Second)
				assert.Equal(t, status.Since, revocations.Status().Feed.Since)
				feed.CaughtUp(feed.Issuers())
				feed.CaughtUp(feed.Issuers())
				assert.Equal(t, validator.FeedStatus{Since: r.clock.Now()}, revocations.Status().Feed)
				accept(t, r.validator, raw)
				_, err = r.validator.Recheck(token)
				assert.NoError(t, err)
			}
			if kind == "opaque" {
				return // its issuer is asked
			}
			// What is known decides.
			feed.Behind("", time.Second)
			r.revoke(t, sub("jane"))
			_, err := r.validator.Recheck(token)
			refused(t, err, validator.ErrInvalidToken, validator.ReasonRevoked)
			if kind == "JWT" {
				reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
			}
			r.clock.Advance(2 * lifetime)
			reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonExpired)
		})
	}
}

// TestAnswerWhileBehind: an answer that was asked for while the feed was behind knows of
// no mark that is made while it still is.
func TestAnswerWhileBehind(t *testing.T) {
	revocations, feed, _ := following(t, validator.RevocationsConfig{WhileBehind: validator.RefuseWhileBehind})
	r := newAskedRevocable(t)
	r.config.Revocations = revocations
	r.validator, r.revocations = build(t, r.config), revocations
	raw := r.OpaqueToken()
	feed.CaughtUp(feed.Issuers())
	accept(t, r.validator, raw)
	feed.Behind("", time.Second)
	behind(t, r, raw)
	r.apply(t, sub("user"), r.clock.Now())
	behind(t, r, raw) // though the issuer was asked again
	assert.Equal(t, 2, r.IntrospectionRequests())
	behind(t, r, raw)
	assert.Equal(t, 2, r.IntrospectionRequests(), "once")
	feed.CaughtUp(feed.Issuers())
	accept(t, r.validator, raw)
	assert.Equal(t, 2, r.IntrospectionRequests(), "the answer is newer than all marks that are known")
}

// TestServeWhileBehind: what is known decides.
func TestServeWhileBehind(t *testing.T) {
	revocations, feed, _ := following(t, validator.RevocationsConfig{WhileBehind: validator.ServeWhileBehind})
	r := newRevocable(t, func(c *validator.Config) { c.Revocations = revocations })
	raw, other := r.AccessToken(), r.AccessToken(validatortest.Subject("joe"))
	accept(t, r.validator, raw)
	feed.CaughtUp(feed.Issuers())
	feed.Behind("the line is cut", time.Second)
	assert.True(t, revocations.Status().Feed.Behind)
	accept(t, r.validator, raw)
	r.revoke(t, sub("user"))
	reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
	accept(t, r.validator, other)
	assert.Zero(t, testing.AllocsPerRun(100, func() { accept(t, r.validator, other) }))
}

// TestStreamOfAnAskedTokenGoesOn when marks come of which its answer knew, or that are
// about others.
func TestStreamOfAnAskedTokenGoesOn(t *testing.T) {
	revocations, feed, told := following(t, validator.RevocationsConfig{})
	r := newAskedRevocable(t)
	r.config.Revocations = revocations
	r.validator, r.revocations = build(t, r.config), revocations
	raw := r.OpaqueToken()
	r.revoke(t, sub("user"))
	mark := <-told
	watched, stop := accept(t, r.validator, raw).Watch(t.Context()) // its issuer stands by it
	defer stop()
	r.revoke(t, sub("nobody"))
	require.NoError(t, feed.Apply(<-told))
	assert.NoError(t, watched.Err())
	require.NoError(t, feed.Apply(mark))
	ended(t, watched)
}

// TestStreamsGoOnWhileBehind: nobody has said that they were revoked.
func TestStreamsGoOnWhileBehind(t *testing.T) {
	revocations, feed, _ := following(t, validator.RevocationsConfig{WhileBehind: validator.RefuseWhileBehind})
	r := newRevocable(t, func(c *validator.Config) { c.Revocations = revocations })
	feed.CaughtUp(feed.Issuers())
	token := accept(t, r.validator, r.AccessToken())
	watched, stop := token.Watch(t.Context())
	defer stop()
	feed.Behind("", time.Second)
	assert.NoError(t, watched.Err())
	require.NoError(t, feed.Apply(nil))
	r.revoke(t, sub("user"))
	ended(t, watched)
}

// TestReadyWithAFeed waits for it to say how it is, and is for good.
func TestReadyWithAFeed(t *testing.T) {
	for name, tc := range map[string]struct {
		choice validator.Behind
		told   func(*validator.Follower)
		ready  bool
	}{
		"serve, caught up":  {validator.ServeWhileBehind, caughtUp, true},
		"serve, behind":     {validator.ServeWhileBehind, func(f *validator.Follower) { f.Behind("", time.Second) }, true},
		"refuse, caught up": {validator.RefuseWhileBehind, caughtUp, true},
		"refuse, behind again": {validator.RefuseWhileBehind, func(f *validator.Follower) {
			f.CaughtUp(f.Issuers())
			f.Behind("", 3*time.Second)
		}, false},
		"refuse, behind": {validator.RefuseWhileBehind, func(f *validator.Follower) { f.Behind("", 3*time.Second) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			revocations, feed, _ := following(t, validator.RevocationsConfig{WhileBehind: tc.choice})
			assert.True(t, revocations.Status().Feed.Behind, "it has caught up with nothing yet")
			r := newRevocable(t, func(c *validator.Config) { c.Revocations = revocations })
			ctx, cancel := context.WithCancel(t.Context())
			answer := make(chan error, 1)
			go func() { answer <- r.validator.Ready(ctx) }()
			cancel() // before it has said anything
			refused(t, <-answer, validator.ErrUnavailable, validator.ReasonCallerLeft)
			go func() { answer <- r.validator.Ready(t.Context()) }()
			tc.told(feed)
			err := <-answer
			if !tc.ready {
				assert.Equal(t, 3*time.Second, refused(t, err, validator.ErrUnavailable, validator.ReasonRevocationsBehind).RetryAfter)
				feed.CaughtUp(feed.Issuers())
				err = r.validator.Ready(t.Context())
			}
			require.NoError(t, err)
			feed.Behind("", time.Second)
			assert.NoError(t, r.validator.Ready(t.Context()), "never turns back")
		})
	}
}

// TestIssuerAfterCatchingUp: marks of an issuer that was not there when all was read did not
// apply. Until all is read again nobody knows of them.
func TestIssuerAfterCatchingUp(t *testing.T) {
	for name, tc := range map[string]struct {
		choice  validator.Behind
		refuses bool
	}{"refuse": {validator.RefuseWhileBehind, true}, "serve": {validator.ServeWhileBehind, false}} {
		t.Run(name, func(t *testing.T) {
			revocations, feed, _ := following(t, validator.RevocationsConfig{WhileBehind: tc.choice})
			feed.CaughtUp(feed.Issuers()) // as it does before there is a validator
			r := newRevocable(t, func(c *validator.Config) { c.Revocations = revocations })
			raw := r.AccessToken()
			if !tc.refuses {
				accept(t, r.validator, raw)
				assert.NoError(t, r.validator.Ready(t.Context()))
				return
			}
			behind(t, r, raw)
			behind(t, r, raw)
			feed.CaughtUp(0) // it began to read before
			behind(t, r, raw)
			refused(t, r.validator.Ready(t.Context()), validator.ErrUnavailable, validator.ReasonRevocationsBehind)
			feed.CaughtUp(feed.Issuers())
			accept(t, r.validator, raw)
			assert.NoError(t, r.validator.Ready(t.Context()))

			// One more is no reason to refuse the tokens of those before.
			other := newRevocable(t, func(c *validator.Config) { c.Revocations = revocations })
			behind(t, other, other.AccessToken())
			accept(t, r.validator, raw)
			accept(t, r.validator, r.AccessToken())
			feed.CaughtUp(feed.Issuers())
			accept(t, other.validator, other.AccessToken())
		})
	}
}

func caughtUp(f *validator.Follower) { f.CaughtUp(f.Issuers()) }

// TestReadyThatNobodyWaitsFor: a feed that has said nothing yet is no reason to be ready,
// where nothing else is waited for.
func TestReadyThatNobodyWaitsFor(t *testing.T) {
	revocations, _, _ := following(t, validator.RevocationsConfig{WhileBehind: validator.ServeWhileBehind})
	v := wired(t, wire(nil), func(c *validator.Config) {
		c.Issuers[0].MaxTokenLifetime, c.Revocations = lifetime, revocations
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refused(t, v.Ready(ctx), validator.ErrUnavailable, validator.ReasonCallerLeft)
}

// TestCaughtUpAgain: since when a feed has been so is when it first said so.
func TestCaughtUpAgain(t *testing.T) {
	revocations, feed, _ := following(t, validator.RevocationsConfig{})
	r := newRevocable(t, func(c *validator.Config) { c.Revocations = revocations })
	since := r.clock.Now()
	for range 2 {
		caughtUp(feed)
		assert.True(t, since.Equal(revocations.Status().Feed.Since))
		r.clock.Advance(time.Minute)
	}
}

// TestKeyOfAMark: replicas of several versions share marks, so what a key is made of
// stays as it is.
func TestKeyOfAMark(t *testing.T) {
	revocations, _, told := following(t, validator.RevocationsConfig{})
	r := newRevocable(t, func(c *validator.Config) { c.Revocations = revocations })
	r.clock.Advance(1234 * time.Nanosecond)
	r.revoke(t, sub("jane"))
	mark := (<-told)[0]
	digest := sha256.Sum256([]byte("\x01" + r.Issuer() + "\x00jane"))
	assert.Equal(t, validator.RevocationMark{
		Issuer: r.Issuer(), About: "sub", Key: [16]byte(digest[:16]), At: mark.At,
	}, mark)
	assert.Zero(t, mark.At.Nanosecond()%1000, "in microseconds, as it counts here")
}

// TestCachedWhileBehind: a token that is refused for the feed's sake at first sight came
// from no cache.
func TestCachedWhileBehind(t *testing.T) {
	revocations, _, _ := following(t, validator.RevocationsConfig{WhileBehind: validator.RefuseWhileBehind})
	var cached []bool
	r := newRevocable(t, func(c *validator.Config) {
		c.Issuers[0].IntrospectAlways = true
		c.Issuers[0].Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret))}
		c.Revocations = revocations
		c.Observer.Decision = func(_ context.Context, d validator.Decision) { cached = append(cached, d.Cached) }
	})
	raw := r.AccessToken()
	behind(t, r, raw)
	behind(t, r, raw)
	assert.Equal(t, []bool{false, true}, cached)
}
