package introspect_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

// enough is how many different tokens in a row suspend the questions, and how many
// are tried after that.
const enough = 5

// trouble is a server in trouble, and a client that asks it.
type trouble struct {
	*introspect.Client
	*network
	clock  *clock
	tokens int
}

var down = with(503, "")

func newTrouble(t *testing.T, r reply, edits ...edit) *trouble {
	t.Helper()
	s := &trouble{network: replying(r), clock: newClock()}
	s.Client = newClient(t, s.network, append([]edit{clocked(s.clock.Now)}, edits...)...)
	return s
}

// ask asks about a token that nobody asked about before.
func (s *trouble) ask() error {
	s.tokens++
	return s.about(fmt.Sprintf("token-%d", s.tokens))
}

func (s *trouble) about(token string) error {
	_, err := s.Introspect(context.Background(), token)
	return err
}

// fail has so many different tokens fail, all of which are asked about.
func (s *trouble) fail(t *testing.T, tokens int) {
	t.Helper()
	before := s.count()
	for range tokens {
		failed(t, introspect.Unavailable, s.ask())
	}
	require.Equal(t, before+tokens, s.count(), "each was asked about")
}

// suspended asserts that nobody asks for now, and returns for how long.
func (s *trouble) suspended(t *testing.T) time.Duration {
	t.Helper()
	before := s.count()
	left := failed(t, introspect.CircuitOpen, s.ask()).RetryAfter
	assert.Equal(t, before, s.count(), "nothing is asked")
	return left
}

// open suspends the questions, and waits for the pause to be over.
func (s *trouble) open(t *testing.T) {
	t.Helper()
	s.fail(t, enough)
	require.Equal(t, time.Second, s.suspended(t))
	s.clock.Advance(time.Second)
}

func TestFiveDifferentTokensInARowSuspendTheQuestions(t *testing.T) {
	for name, reply := range map[string]reply{
		"transport": cut(io.ErrUnexpectedEOF),
		"429":       with(429, ""),
		"500":       with(500, ""),
		"501":       with(501, ""),
		"503":       with(503, yes),
		"599":       with(599, ""),
		"a cut body": func(r *http.Request) (*http.Response, error) {
			return respond(r, 200, io.MultiReader(strings.NewReader(yes), broken{})), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTrouble(t, reply)
			s.fail(t, enough)
			assert.Equal(t, time.Second, s.suspended(t))
		})
	}
}

func TestServerThatHangsSuspendsTheQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, hang, clocked(time.Now))
		s.fail(t, enough)
		assert.Equal(t, time.Second, s.suspended(t), "after the last one")
	})
}

func TestDiscoveryThatFailsSuspendsTheQuestions(t *testing.T) {
	for name, reply := range map[string]reply{"transport": cut(io.ErrUnexpectedEOF), "429": with(429, ""), "500": with(500, ""), "503": with(503, "")} {
		t.Run(name, func(t *testing.T) {
			s := newTrouble(t, reply, discovering)
			for range enough {
				failed(t, introspect.Unavailable, s.ask())
			}
			s.suspended(t)
		})
	}
}

// What is wrong with a document is not that the server is in trouble.
func TestDiscoveryThatLeadsNowhereDoesNotCountAgainstTheServer(t *testing.T) {
	for name, reply := range map[string]reply{
		"404":      with(404, ""),
		"403":      with(403, ""),
		"499":      with(499, ""),
		"204":      with(204, ""),
		"page":     with(200, "<html>"),
		"too long": with(200, strings.Repeat(" ", remote.MaxBody+1)),
		"redirect": with(302, "", "Location", "https://evil.example"),
	} {
		t.Run(name, func(t *testing.T) {
			neverSuspends(t, newClient(t, replying(reply), discovering), introspect.Unavailable)
		})
	}
}

// One token that makes the server fail is that token's affair.
func TestOneTokenSuspendsNothing(t *testing.T) {
	s := newTrouble(t, down)
	for range 100 {
		failed(t, introspect.Unavailable, s.about("the same"))
	}
	s.fail(t, enough-1)
	s.suspended(t) // it does count, once
}

func TestFourTokensSuspendNothing(t *testing.T) {
	s := newTrouble(t, down)
	for range 100 {
		for i := range enough - 1 {
			failed(t, introspect.Unavailable, s.about(fmt.Sprint(i)))
		}
	}
}

// By what they are, not by what they begin with.
func TestTokensAreDistinguishedAsAWhole(t *testing.T) {
	s := newTrouble(t, down)
	for i := range enough {
		failed(t, introspect.Unavailable, s.about(strings.Repeat("a", 100+i)))
	}
	s.suspended(t)
}

func TestAnswerInBetweenBeginsAnew(t *testing.T) {
	for _, answer := range []string{yes, no} {
		s := newTrouble(t, down)
		for range 3 {
			s.fail(t, enough-1)
			s.set(with(200, answer))
			require.NoError(t, s.ask())
			s.set(down)
		}
		s.fail(t, enough)
		s.suspended(t)
	}
}

// Otherwise anybody could keep the circuit closed with a token of no use.
func TestWhatProvesNothingInBetweenDoesNotBeginAnew(t *testing.T) {
	for name, neutral := range map[string]reply{"404": with(404, ""), "401": with(401, ""), "page": with(200, "<html>")} {
		t.Run(name, func(t *testing.T) {
			s := newTrouble(t, down)
			for range enough {
				s.prove(t, neutral)
				s.set(down)
				s.fail(t, 1)
			}
			s.suspended(t)
		})
	}
}

// prove asks, and gets a reply that proves nothing.
func (s *trouble) prove(t *testing.T, nothing reply) {
	t.Helper()
	s.set(nothing)
	before := s.count()
	require.Error(t, s.ask())
	require.Equal(t, before+1, s.count())
}

func TestPauseDoublesToTenSeconds(t *testing.T) {
	s := newTrouble(t, down)
	for _, seconds := range []time.Duration{1, 2, 4, 8, 10, 10, 10} {
		pause := seconds * time.Second
		s.fail(t, enough)
		assert.Equal(t, pause, s.suspended(t))
		s.clock.Advance(pause - time.Nanosecond)
		assert.Equal(t, time.Nanosecond, s.suspended(t))
		s.clock.Advance(time.Nanosecond)
	}
}

func TestPauseStaysAtTenSecondsForEver(t *testing.T) {
	s := newTrouble(t, down)
	for range 100 {
		s.fail(t, enough)
		s.clock.Advance(10 * time.Second)
	}
	s.fail(t, enough)
	assert.Equal(t, 10*time.Second, s.suspended(t))
}

func TestPauseIsWhatTheServerAsksForIfThatIsLonger(t *testing.T) {
	for value, want := range map[string]time.Duration{"0": time.Second, "1": time.Second, "7": 7 * time.Second, "60": time.Minute, "3600": time.Minute} {
		s := newTrouble(t, with(503, "", "Retry-After", value))
		s.fail(t, enough)
		assert.Equal(t, want, s.suspended(t), value)
		s.clock.Advance(want - time.Nanosecond)
		s.suspended(t)
		s.clock.Advance(time.Nanosecond)
		s.fail(t, 1)
	}
}

func TestAnswerAfterThePauseEndsTheTrouble(t *testing.T) {
	s := newTrouble(t, down)
	s.open(t)
	s.fail(t, enough)
	require.Equal(t, 2*time.Second, s.suspended(t))
	s.clock.Advance(2 * time.Second)

	s.set(with(200, no))
	for range 3 * enough {
		require.NoError(t, s.ask())
	}
	s.set(down)
	s.fail(t, enough)
	assert.Equal(t, time.Second, s.suspended(t), "begins anew")
}

// Failures of before the answer are forgotten, those of the trials included.
func TestAnswerAfterSomeTrialsFailedEndsTheTrouble(t *testing.T) {
	s := newTrouble(t, down)
	s.open(t)
	s.fail(t, enough-1)
	s.set(with(200, yes))
	require.NoError(t, s.ask())
	s.set(down)
	s.fail(t, enough)
	s.suspended(t)
}

// trials has so many different tokens at the server at once, in a bubble; what
// becomes of them is in the channel.
func (s *trouble) trials(t *testing.T, tokens int) chan error {
	t.Helper()
	errs := make(chan error, tokens)
	before := s.count()
	for i := range tokens {
		go func() { errs <- s.about(fmt.Sprintf("trial-%d", i)) }()
	}
	synctest.Wait()
	require.Equal(t, before+tokens, s.count())
	return errs
}

func TestOnlySoManyAreTriedAtOnceAfterThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down)
		s.open(t)
		gate := make(chan struct{})
		s.set(held(gate, with(200, yes)))
		errs := s.trials(t, enough)
		assert.Equal(t, time.Second, s.suspended(t))
		gate <- struct{}{}
		require.NoError(t, <-errs)
		more := s.trials(t, 3*enough) // one answer is enough
		close(gate)
		for range 3 * enough {
			assert.NoError(t, <-more)
		}
		for range enough - 1 {
			assert.NoError(t, <-errs)
		}
	})
}

// A trial that proves nothing is somebody else's.
func TestTrialThatProvesNothingIsGivenBack(t *testing.T) {
	for name, neutral := range map[string]reply{"404": with(404, ""), "401": with(401, ""), "page": with(200, "<html>"), "too long": with(200, sized(remote.MaxReply+1))} {
		t.Run(name, func(t *testing.T) {
			s := newTrouble(t, down)
			s.open(t)
			for range 3 * enough {
				s.prove(t, neutral)
			}
			s.set(down)
			s.fail(t, enough)
			assert.Equal(t, 2*time.Second, s.suspended(t), "and not more of them")
		})
	}
}

// One, and not all of them.
func TestTrialThatIsGivenBackIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down)
		s.open(t)
		gate := make(chan struct{})
		s.set(held(gate, with(200, yes)))
		errs := s.trials(t, enough-2)
		s.prove(t, with(404, ""))
		s.set(held(gate, with(200, yes)))
		more := s.trials(t, 2)
		s.suspended(t)
		close(gate)
		for range enough - 2 {
			assert.NoError(t, <-errs)
		}
		for range 2 {
			assert.NoError(t, <-more)
		}
	})
}

// There are never more trials than that, whatever is given back.
func TestTrialsDoNotMultiply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down)
		gate := make(chan struct{})
		s.set(held(gate, with(404, "")))
		errs := s.trials(t, 2*enough) // before it opens
		s.set(down)
		s.open(t)
		close(gate)
		for range 2 * enough {
			failed(t, introspect.Unavailable, <-errs)
		}
		again := make(chan struct{})
		s.set(held(again, with(404, "")))
		errs = s.trials(t, enough)
		s.suspended(t)
		close(again)
		for range enough {
			failed(t, introspect.Unavailable, <-errs)
		}
	})
}

// Nothing is given back to a circuit that is closed.
func TestWhatProvesNothingBeforeTheTroubleAddsNoTrial(t *testing.T) {
	s := newTrouble(t, with(404, ""))
	for range enough {
		failed(t, introspect.Unavailable, s.ask())
	}
	s.set(down)
	s.open(t)
	s.fail(t, enough)
	s.suspended(t)
}

func TestOneTokenDoesNotUseTheTrialsUp(t *testing.T) {
	s := newTrouble(t, down)
	s.open(t)
	for range 100 {
		failed(t, introspect.Unavailable, s.about("the same"))
	}
	s.fail(t, enough-2)
	failed(t, introspect.Unavailable, s.about("the same"))
	s.fail(t, 1)
	assert.Equal(t, 2*time.Second, s.suspended(t))
}

// However long ago the last one was: those that failed are still used up.
func TestTrialsDoNotComeBackByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down)
		s.open(t)
		s.fail(t, enough-1)
		s.clock.Advance(time.Hour)
		gate := make(chan struct{})
		s.set(held(gate, with(200, yes)))
		last := s.trials(t, 1)
		s.suspended(t)
		close(gate)
		assert.NoError(t, <-last)
	})
}

// A token that failed before the pause counts anew after it.
func TestTokensOfBeforeThePauseAreForgotten(t *testing.T) {
	s := newTrouble(t, down)
	for round := range 2 {
		for i := range enough {
			failed(t, introspect.Unavailable, s.about(fmt.Sprint(i)))
		}
		assert.Equal(t, time.Second<<round, s.suspended(t))
		s.clock.Advance(time.Second << round)
	}
}

func TestTrialThatIsNotAskedAfterAllIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down, func(s *setup) { s.MaxInFlight, s.MaxWaiting = 1, 1 })
		s.open(t)
		gate := make(chan struct{})
		s.set(held(gate, with(200, yes)))
		s.trials(t, 1)
		ctx, leave := context.WithCancel(t.Context())
		go func() { _, _ = s.Introspect(ctx, token) }() // waits
		synctest.Wait()
		for range 20 {
			failed(t, introspect.Busy, s.ask())
		}
		leave()
		close(gate)
		synctest.Wait()
		require.NoError(t, s.ask())
	})
}

func TestTrialThatPanicsIsGivenBack(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("transport") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTrouble(t, down)
				s.open(t)
				s.set(func(*http.Request) (*http.Response, error) {
					end()
					return nil, nil
				})
				for range 3 * enough {
					go func() {
						defer func() { _ = recover() }()
						_ = s.about(token)
					}()
					synctest.Wait()
				}
				s.set(down)
				s.fail(t, enough)
				assert.Equal(t, 2*time.Second, s.suspended(t))
				<-time.After(remote.Timeout) // net/http's timer for the requests that never ended
			})
		})
	}
}

func TestTrialWithoutCredentialsIsGivenBack(t *testing.T) {
	secret := "secret"
	s := newTrouble(t, down, auth(introspect.BearerToken(introspect.SecretFunc(func(context.Context) (string, error) { return secret, nil }))))
	s.open(t)
	secret = ""
	for range 3 * enough {
		failed(t, introspect.Credentials, s.ask())
	}
	secret = "new"
	s.set(with(200, yes))
	require.NoError(t, s.ask())
}

// Those who were asked before the trouble was known add nothing to it.
func TestLateFailuresDoNotLengthenThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down)
		gate := make(chan struct{})
		s.set(held(gate, down))
		errs := s.trials(t, 4*enough)
		s.set(down)
		s.fail(t, enough)
		s.clock.Advance(time.Second - time.Nanosecond)
		close(gate)
		for range 4 * enough {
			failed(t, introspect.Unavailable, <-errs)
		}
		assert.Equal(t, time.Nanosecond, s.suspended(t))
		s.clock.Advance(time.Nanosecond)
		s.fail(t, enough)
		assert.Equal(t, 2*time.Second, s.suspended(t))
	})
}

func TestClockSetBackEndsThePause(t *testing.T) {
	for _, back := range []time.Duration{time.Nanosecond, time.Hour} {
		s := newTrouble(t, down)
		s.fail(t, enough)
		s.suspended(t)
		s.clock.Advance(-back)
		s.fail(t, enough)
		assert.Equal(t, 2*time.Second, s.suspended(t))
	}
}

// One circuit is about one server.
func TestClientsDoNotShareTheirTrouble(t *testing.T) {
	s := newTrouble(t, down)
	s.fail(t, enough)
	s.suspended(t)
	isActive(t, newClient(t, replying(with(200, yes))))
}
