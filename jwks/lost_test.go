package jwks_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// outage is a Source in a bubble, whose server can be down or hang.
type outage struct {
	*subject
	status   atomic.Int32
	requests atomic.Int32
	body     atomic.Pointer[[]byte]
	gate     chan struct{} // nil: answers at once
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	o := &outage{}
	o.list(t, "listed")
	o.status.Store(200)
	o.subject = inBubble(t, jwks.Config{RefreshBurst: 100}, func(r *http.Request) (*http.Response, error) {
		o.requests.Add(1)
		if o.gate != nil {
			<-o.gate
		}
		return respond(r, int(o.status.Load()), string(*o.body.Load())), nil
	})
	return o
}

// list publishes the keys of that name, and no others.
func (o *outage) list(t *testing.T, kid string) {
	set := setOf(es256(t, kid))
	o.body.Store(&set)
}

// fail has a fetch fail, by asking for a key that was not there.
func (o *outage) fail(t *testing.T) {
	t.Helper()
	o.status.Store(500)
	_, err := o.key("other", "ES256")
	remoteCause(t, err)
}

func TestKeyIsNotLostWhileNothingFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutage(t)
		assert.False(t, o.Lost("listed", "ES256"), "nobody looked for it yet")
		assert.Zero(t, o.requests.Load())
		require.NoError(t, o.Ready(context.Background()))
		assert.False(t, o.Lost("listed", "ES256"))
		assert.False(t, o.Lost("other", "ES256"), "it is unknown, and can be looked for")
		assert.False(t, o.Lost("listed", "none"))
		synctest.Wait()
		assert.EqualValues(t, 1, o.requests.Load(), "and nothing is fetched for it")
	})
}

func TestOnlyAKeyThatIsNotListedIsLostAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutage(t)
		require.NoError(t, o.Ready(context.Background()))
		o.fail(t)
		assert.False(t, o.Lost("listed", "ES256"), "known from before")
		assert.False(t, o.Lost("", "ES256"), "the only key that fits")
		assert.True(t, o.Lost("other", "ES256"))
		assert.True(t, o.Lost("listed", "ES384"), "there is no such key of that name")
	})
}

func TestEveryKeyIsLostWhileTheFirstFetchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutage(t)
		o.fail(t)
		assert.True(t, o.Lost("listed", "ES256"))
		assert.True(t, o.Lost("", "ES256"))
	})
}

func TestLostKeyIsLookedForWhenThatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutage(t)
		o.fail(t)
		<-time.After(time.Second - 1) // of the bubble: the backoff
		assert.True(t, o.Lost("listed", "ES256"))
		synctest.Wait()
		assert.EqualValues(t, 1, o.requests.Load(), "not before")
		<-time.After(1)
		assert.True(t, o.Lost("listed", "ES256"))
		synctest.Wait()
		assert.EqualValues(t, 2, o.requests.Load())
		assert.True(t, o.Lost("listed", "ES256"), "that failed, too")
		synctest.Wait()
		assert.EqualValues(t, 2, o.requests.Load(), "the next one is due in two seconds")
	})
}

func TestLostKeyIsWaitedForByNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutage(t)
		o.fail(t)
		o.gate = make(chan struct{})
		o.status.Store(200)
		<-time.After(time.Second) // of the bubble: the backoff
		began := time.Now()
		for range 10 {
			assert.True(t, o.Lost("listed", "ES256"), "while the fetch hangs")
		}
		assert.Zero(t, time.Since(began))
		synctest.Wait()
		assert.EqualValues(t, 2, o.requests.Load(), "one for all of them")

		close(o.gate)
		synctest.Wait()
		assert.False(t, o.Lost("listed", "ES256"))
		assert.False(t, o.Lost("other", "ES256"), "it can be looked for again")
		o.known(t, "listed", "ES256")
		assert.EqualValues(t, 2, o.requests.Load())
	})
}
