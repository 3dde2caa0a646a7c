package introspect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

// crowd is many callers at once, in a bubble, and a server that answers when the
// gate opens, deaf to everything else.
type crowd struct {
	client *introspect.Client
	gate   chan struct{}

	mu           sync.Mutex
	inside, most int
	errs         []error // of those who were told
}

// newCrowd is about a server that is not asked more than inFlight questions at
// once, while waiting more may wait; 0 for the defaults.
func newCrowd(t *testing.T, inFlight, waiting int, edits ...edit) *crowd {
	t.Helper()
	c := &crowd{gate: make(chan struct{})}
	c.client = newClient(t, replying(c.answer), append([]edit{func(s *setup) { s.MaxInFlight, s.MaxWaiting = inFlight, waiting }}, edits...)...)
	return c
}

func (c *crowd) answer(r *http.Request) (*http.Response, error) {
	c.move(1)
	defer c.move(-1)
	<-c.gate
	return respond(r, 200, strings.NewReader(yes)), nil
}

func (c *crowd) move(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inside += by
	c.most = max(c.most, c.inside)
}

// ask has that many more callers ask, and returns when all are where they stay.
func (c *crowd) ask(ctx context.Context, callers int) {
	for range callers {
		go func() {
			_, err := c.client.Introspect(ctx, token)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.errs = append(c.errs, err)
		}()
	}
	synctest.Wait()
}

// told takes what callers were told since the last time.
func (c *crowd) told() []error {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := c.errs
	c.errs = nil
	return errs
}

// busy asserts that exactly so many callers were told to come again.
func (c *crowd) busy(t *testing.T, callers int) {
	t.Helper()
	errs := c.told()
	assert.Len(t, errs, callers)
	for _, err := range errs {
		assert.Equal(t, time.Second, failed(t, introspect.Busy, err).RetryAfter)
	}
}

// answered asserts that exactly so many callers got an answer.
func (c *crowd) answered(t *testing.T, callers int) {
	t.Helper()
	errs := c.told()
	assert.Len(t, errs, callers)
	assert.NoError(t, errors.Join(errs...))
}

func TestQuestionsAtOnceAreBounded(t *testing.T) {
	for name, test := range map[string]struct{ inFlight, waiting, wantInFlight, wantWaiting int }{
		"few":      {2, 3, 2, 3},
		"one":      {1, 1, 1, 1},
		"defaults": {0, 0, 32, 256},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, test.inFlight, test.waiting)
				c.ask(t.Context(), test.wantInFlight+test.wantWaiting)
				assert.Empty(t, c.told())
				assert.Equal(t, test.wantInFlight, c.inside)

				began := time.Now()
				c.ask(t.Context(), 10)
				c.busy(t, 10)
				assert.Zero(t, time.Since(began), "at once")

				close(c.gate)
				c.answered(t, test.wantInFlight+test.wantWaiting)
				assert.Equal(t, test.wantInFlight, c.most)
			})
		})
	}
}

// All of it again: nobody kept a slot or a place.
func TestSlotsAndPlacesAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2, 3)
		for range 3 {
			c.ask(t.Context(), 5+10)
			c.busy(t, 10)
			for range 5 {
				c.gate <- struct{}{}
			}
			c.answered(t, 5)
		}
		assert.Equal(t, 2, c.most)
	})
}

func TestWaiterWhoLeavesMakesPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 1)
		c.ask(t.Context(), 1)
		ctx, leave := context.WithCancel(t.Context())
		c.ask(ctx, 1)
		assert.Empty(t, c.told())
		leave()
		c.busy(t, 1)
		c.ask(t.Context(), 1)
		assert.Empty(t, c.told(), "waits in that place")
		close(c.gate)
		c.answered(t, 2)
	})
}

func TestWaiterWhoseTurnDoesNotComeIsTold(t *testing.T) {
	for _, timeout := range []time.Duration{0, 300 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, 1, 2, func(s *setup) { s.Timeout = timeout })
			want := timeout
			if want == 0 {
				want = introspect.MaxTimeout
			}
			c.ask(t.Context(), 3)
			<-time.After(want - 1) // of the bubble
			assert.Empty(t, c.told())
			<-time.After(1)
			c.busy(t, 2)
			c.ask(t.Context(), 2)
			assert.Empty(t, c.told(), "wait in their places")
			close(c.gate)
			c.answered(t, 3)
		})
	}
}

// Busy is about us, and not about the server.
func TestBusyDoesNotCountAgainstTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 1)
		c.ask(t.Context(), 2)
		for i := range 100 {
			_, err := c.client.Introspect(t.Context(), fmt.Sprint(token, i))
			failed(t, introspect.Busy, err)
		}
		close(c.gate)
		c.answered(t, 2)
		isActive(t, c.client)
	})
}

func TestSlotIsGivenBackHoweverAQuestionEnds(t *testing.T) {
	for name, reply := range map[string]reply{
		"cut":       cut(errors.New("cut")),
		"refused":   with(401, ""),
		"malformed": with(200, ""),
		"panic":     func(*http.Request) (*http.Response, error) { panic("transport") },
		"Goexit": func(*http.Request) (*http.Response, error) {
			runtime.Goexit()
			return nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := replying(reply)
				c := newClient(t, n, func(s *setup) { s.MaxInFlight, s.MaxWaiting = 1, 1 })
				for range 4 { // not enough to suspend anything
					go func() {
						defer func() { _ = recover() }()
						_, _ = c.Introspect(t.Context(), token)
					}()
					synctest.Wait()
				}
				assert.Equal(t, 4, n.count())
				n.set(with(200, yes))
				isActive(t, c)
				<-time.After(remote.Timeout) // net/http's timer for the requests that never ended
			})
		})
	}
}
