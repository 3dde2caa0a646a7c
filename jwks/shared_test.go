package jwks_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

const skew = 10 * time.Second

// pool is where worlds share their sets.
type pool struct {
	mu           sync.Mutex
	envelope     []byte
	loads, saves int
	load         func(context.Context) ([]byte, error) // instead of what there is
	save         func(context.Context) error
}

func (p *pool) shared() *jwks.Shared {
	return &jwks.Shared{MaxSkew: skew, Load: p.take, Save: p.put}
}

func (p *pool) take(ctx context.Context) ([]byte, error) {
	p.mu.Lock()
	p.loads++
	load, envelope := p.load, p.envelope
	p.mu.Unlock()
	if load != nil {
		return load(ctx)
	}
	return envelope, nil
}

func (p *pool) put(ctx context.Context, envelope []byte, _ time.Time) error {
	p.mu.Lock()
	p.saves++
	p.envelope = envelope
	save := p.save
	p.mu.Unlock()
	if save != nil {
		return save(ctx)
	}
	return nil
}

// answers has it do something else from now on; nil: what it does by itself.
func (p *pool) answers(load func(context.Context) ([]byte, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.load = load
}

func (p *pool) kept() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.envelope
}

func (p *pool) count() (loads, saves int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loads, p.saves
}

// inFleet runs a test in a bubble, with a Source that has read and shared its first set,
// and that is older than any skew by now.
func inFleet(t *testing.T, config jwks.Config, test func(t *testing.T, w *world, p *pool)) {
	t.Helper()
	p := &pool{}
	config.Shared = p.shared()
	inWorld(t, config, func(t *testing.T, w *world) {
		w.settled()
		require.NotEmpty(t, p.envelope)
		pass(2 * skew)
		test(t, w, p)
	})
}

// another is one more process: the same server and pool, and a clock of its own.
func (w *world) another(t *testing.T, config jwks.Config, p *pool) *world {
	t.Helper()
	next := &world{server: w.server}
	if config.URL == "" {
		config.URL = setURL
	}
	config.HTTPClient, config.CheckURL, config.Clock = &http.Client{Transport: w.server}, httpsOnly, next.now
	if p != nil {
		config.Shared = p.shared()
	}
	next.subject = newSubject(t, config)
	return next
}

// TestSharedSetSavesTheFetch: of a process that starts, and of one that meets a new key.
func TestSharedSetSavesTheFetch(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		other := w.another(t, jwks.Config{}, p)
		old := other.known(t, "listed", "ES256")
		assert.Equal(t, 1, w.settled())
		assert.Equal(t, jwks.Fetch{Keys: 1, Changed: true, Shared: true, Flight: other.fetches.last(t).Flight}, other.fetches.last(t))
		status := other.Status()
		assert.True(t, status.Imported)
		assert.True(t, w.Status().Fetched.Add(-skew).Equal(status.Fetched), "as old as it may be")
		require.NoError(t, w.another(t, jwks.Config{}, p).Ready(t.Context()))

		w.server.list(es256(t, "next"))
		w.known(t, "next", "ES256")
		assert.Equal(t, 2, w.settled())
		pass(time.Second)
		other.known(t, "next", "ES256")
		assert.Equal(t, 2, w.settled())
		assert.False(t, old.Trusted(), "it is not listed any more")
		assert.Zero(t, other.Status().Failures)

		// What is known needs nobody.
		loads, saves := p.count()
		other.known(t, "next", "ES256")
		after, still := p.count()
		assert.Equal(t, loads, after)
		assert.Equal(t, saves, still)
	})
}

// TestNoKeyIsUnknownByASharedSet: only the server itself can say so, to each.
func TestNoKeyIsUnknownByASharedSet(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		other := w.another(t, jwks.Config{}, p)
		_, err := other.key("bogus", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Equal(t, 2, w.settled())
		assert.False(t, other.fetches.last(t).Shared)

		// Also one that waited for the flight which brought the shared set.
		third := w.another(t, jwks.Config{}, p)
		gate := make(chan struct{})
		p.answers(func(context.Context) ([]byte, error) {
			<-gate
			return p.kept(), nil
		})
		listed, bogus := ask(third.subject, t.Context(), "listed"), ask(third.subject, t.Context(), "bogus")
		close(gate)
		p.answers(nil)
		assert.NoError(t, (<-listed).err)
		assert.ErrorIs(t, (<-bogus).err, jwks.ErrUnknownKey)
	})
}

// TestSharedSetThatDoesNotCount is as if there were none, and holds nobody up for long.
func TestSharedSetThatDoesNotCount(t *testing.T) {
	text := func(edit func(string) string) func(*world, *pool) {
		return func(_ *world, p *pool) { p.envelope = []byte(edit(string(p.envelope))) }
	}
	replace := func(old, new string) func(*world, *pool) {
		return text(func(s string) string { return strings.ReplaceAll(s, old, new) })
	}
	for name, tc := range map[string]struct {
		prepare func(*world, *pool)
		config  jwks.Config
		waits   time.Duration
	}{
		"nothing":           {text(func(string) string { return "" }), jwks.Config{}, 0},
		"garbage":           {text(func(s string) string { return s[1:] }), jwks.Config{}, 0},
		"another issuer":    {replace(`"issuer":""`, `"issuer":"https://other.example"`), jwks.Config{}, 0},
		"another address":   {replace(setURL, setURL+"2"), jwks.Config{}, 0},
		"no usable key":     {replace(`"EC"`, `"XX"`), jwks.Config{}, 0},
		"another key":       {replace(`"listed"`, `"other"`), jwks.Config{}, 0},
		"too old":           {func(*world, *pool) { pass(5*time.Minute - 3*skew + 1) }, jwks.Config{}, 0},
		"older than MaxAge": {func(*world, *pool) {}, jwks.Config{MaxAge: 3*skew - 1}, 0},
		"from the future":   {func(w *world, _ *pool) { w.jump(-3*skew - 1) }, jwks.Config{}, 0},
		"an error": {func(_ *world, p *pool) {
			p.load = func(context.Context) ([]byte, error) { return p.kept(), errors.New("down") }
		}, jwks.Config{}, 0},
		"a panic": {func(_ *world, p *pool) { p.load = func(context.Context) ([]byte, error) { panic("!") } }, jwks.Config{}, 0},
		"slow": {func(_ *world, p *pool) {
			p.answers(func(ctx context.Context) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		}, jwks.Config{}, 250 * time.Millisecond},
		"deaf": {func(_ *world, p *pool) {
			p.answers(func(context.Context) ([]byte, error) {
				pass(time.Hour)
				return p.kept(), nil
			})
		}, jwks.Config{}, 1250 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
				other := w.another(t, tc.config, p)
				tc.prepare(other, p)
				began := time.Now()
				other.known(t, "listed", "ES256")
				assert.Equal(t, tc.waits, time.Since(began))
				assert.Equal(t, 2, w.settled())
				assert.Equal(t, 1, other.fetches.count(), "one flight")
				assert.False(t, other.fetches.last(t).Shared)
				pass(2 * time.Hour) // of who is deaf
			})
		})
	}
	// Each of them is not far from one that counts.
	for name, tc := range map[string]struct {
		prepare func(*world, *pool)
		config  jwks.Config
	}{
		"old":                      {func(*world, *pool) { pass(5*time.Minute - 3*skew) }, jwks.Config{}},
		"as old as MaxAge":         {func(*world, *pool) {}, jwks.Config{MaxAge: 3 * skew, RefreshInterval: 3 * skew}},
		"of a clock that is ahead": {func(w *world, _ *pool) { w.jump(-3 * skew) }, jwks.Config{}},
	} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
				other := w.another(t, tc.config, p)
				tc.prepare(other, p)
				other.known(t, "listed", "ES256")
				assert.Equal(t, 1, w.settled())
			})
		})
	}
}

// TestOlderNeverReplacesNewer, however wrong the clocks are within MaxSkew: a key that was
// withdrawn stays so.
func TestOlderNeverReplacesNewer(t *testing.T) {
	for name, tc := range map[string]struct {
		later time.Duration
		taken bool
	}{"within the skew": {skew, false}, "beyond it": {skew + 1, true}} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
				ahead := w.another(t, jwks.Config{}, nil)
				ahead.jump(tc.later)
				ahead.known(t, "listed", "ES256") // by its clock later than what follows
				stale, err := ahead.Export()
				require.NoError(t, err)
				w.server.list(es256(t, "second"))
				w.known(t, "second", "ES256")
				w.settled()
				p.envelope = stale
				pass(1)
				_, err = w.key("listed", "ES256")
				if tc.taken {
					assert.NoError(t, err, "nobody can tell")
					return
				}
				assert.ErrorIs(t, err, jwks.ErrUnknownKey)
			})
		})
	}
}

// TestSharedSetWhileTheServerIsDown lets a process start, and meet a key that others know:
// the outage is told of all the same.
func TestSharedSetWhileTheServerIsDown(t *testing.T) {
	for name, tc := range map[string]struct {
		config jwks.Config
		age    time.Duration
		good   bool
	}{
		"a day":                   {jwks.Config{}, 24 * hour, true},
		"more than a day":         {jwks.Config{}, 24*hour + 1, false},
		"as old as MaxStale":      {jwks.Config{MaxAge: hour, MaxStale: 48 * hour}, 48 * hour, true},
		"more than MaxStale":      {jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, 2*hour + 1, false},
		"no older than by itself": {jwks.Config{}, 6 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
				w.server.fail(500)
				pass(tc.age - 3*skew)
				for _, ask := range []func(*world) error{
					func(o *world) error { _, err := o.key("listed", "ES256"); return err },
					func(o *world) error { return o.Ready(t.Context()) },
				} {
					other := w.another(t, tc.config, p)
					before := w.settled()
					err := ask(other)
					assert.Equal(t, before+1, w.settled(), "it is asked")
					assert.Equal(t, 1, other.Status().Failures)
					fetch := other.fetches.last(t)
					assert.Error(t, fetch.Err)
					assert.Equal(t, tc.good, fetch.Shared)
					if !tc.good {
						unavailable(t, err)
						assert.Empty(t, other.Status().Keys)
						continue
					}
					assert.NoError(t, err)
					other.known(t, "listed", "ES256")
					_, err = other.key("bogus", "ES256")
					unavailable(t, err)
				}
			})
		})
	}
}

// TestSharedSetIsOldInTime: who took it in holds it to MaxAge and MaxStale by when it was
// fetched, and renews it from what others have.
func TestSharedSetIsOldInTime(t *testing.T) {
	exact := jwks.Config{MaxAge: hour, MaxStale: 2 * hour, RefreshInterval: hour}
	inFleet(t, exact, func(t *testing.T, w *world, p *pool) {
		other := w.another(t, exact, p)
		other.known(t, "listed", "ES256")
		pass(hour - 3*skew)
		assert.True(t, other.Fresh(other.now()))
		assert.Equal(t, 1, w.settled())
		assert.False(t, other.Status().Due)

		pass(1)
		assert.True(t, other.Status().Due)
		pass(skew)
		w.known(t, "listed", "ES256") // past its own MaxAge
		assert.Equal(t, 2, w.settled())
		assert.True(t, other.Fresh(other.now()))
		assert.Equal(t, 2, w.settled(), "it has what w has")
		assert.False(t, other.Status().Due)

		w.server.fail(500)
		pass(2*hour - skew)
		assert.True(t, other.Fresh(other.now()))
		pass(1)
		assert.False(t, other.Fresh(other.now()))
	})
}

// TestImportBeatsAnOlderSharedSet that was on its way.
func TestImportBeatsAnOlderSharedSet(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		newer := w.another(t, jwks.Config{}, nil)
		newer.known(t, "listed", "ES256")
		envelope, err := newer.Export()
		require.NoError(t, err)
		other := w.another(t, jwks.Config{}, p)
		gate := make(chan struct{})
		p.answers(func(context.Context) ([]byte, error) {
			<-gate
			return p.kept(), nil
		})
		asked := ask(other.subject, t.Context(), "listed")
		synctest.Wait()
		require.NoError(t, other.Import(envelope))
		close(gate)
		assert.NoError(t, (<-asked).err)
		assert.True(t, newer.Status().Fetched.Equal(other.Status().Fetched))
		assert.False(t, other.fetches.last(t).Changed, "the import did that")
		assert.Equal(t, 2, w.settled())
	})
}

// TestFlightForOthersDoesNotDecide about a key that was unknown some time ago.
func TestFlightForOthersDoesNotDecide(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		other := w.another(t, jwks.Config{}, p)
		other.known(t, "listed", "ES256")
		_, err := other.key("late", "ES256")
		require.ErrorIs(t, err, jwks.ErrUnknownKey)
		pass(2 * skew)
		w.server.list(es256(t, "next"))
		w.known(t, "next", "ES256")
		w.settled()
		w.server.list(es256(t, "next"), es256(t, "late")) // since
		pass(2 * skew)
		gate := make(chan struct{})
		p.answers(func(context.Context) ([]byte, error) {
			<-gate
			return p.kept(), nil
		})
		next, late := ask(other.subject, t.Context(), "next"), ask(other.subject, t.Context(), "late")
		close(gate)
		assert.NoError(t, (<-next).err)
		assert.NoError(t, (<-late).err)
	})
}

// TestSharedSetEndsTheGrace of a server that served no usable key: others have had keys
// from it since.
func TestSharedSetEndsTheGrace(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		w.server.list(unusable)
		_, err := w.key("next", "ES256")
		require.ErrorIs(t, remoteless(t, err), jwks.ErrNoUsableKey)
		assert.False(t, w.Status().EmptySince.IsZero())
		pass(2 * skew)
		w.server.list(es256(t, "next"))
		other := w.another(t, jwks.Config{}, p)
		other.known(t, "next", "ES256")
		w.settled()
		pass(2 * skew)
		w.known(t, "next", "ES256")
		assert.True(t, w.Status().EmptySince.IsZero())
		assert.True(t, w.Status().Imported)
	})
}

// remoteless is the cause of an UnavailableError.
func remoteless(t *testing.T, err error) error {
	t.Helper()
	return unavailable(t, err).Cause
}

// TestSharedSetOfAnOutage ends with it, without an unknown key and without MaxAge: older than
// a set may be to ask nobody, it counts only while the server cannot be asked.
func TestSharedSetOfAnOutage(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		w.server.fail(500)
		pass(23 * hour)
		other := w.another(t, jwks.Config{}, p)
		withdrawn := other.known(t, "listed", "ES256")
		assert.True(t, other.Status().Due)
		asked := w.settled()
		other.known(t, "listed", "ES256")
		assert.Equal(t, asked, w.settled(), "not at once again")
		pass(time.Second)
		other.known(t, "listed", "ES256") // for which nobody waits
		assert.Equal(t, asked+1, w.settled())
		assert.True(t, other.Status().Due)

		w.server.list(es256(t, "next"))
		pass(10 * time.Second)
		other.known(t, "listed", "ES256")
		w.settled()
		assert.False(t, withdrawn.TrustedFor("listed", "ES256"))
		_, err := other.key("listed", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.False(t, other.Status().Due)
		asked = w.settled()
		pass(hour)
		other.known(t, "next", "ES256")
		assert.Equal(t, asked, w.settled(), "what was fetched is as good as ever")
	})
}
