package validatortest_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// introspectLater asks about a token in the background.
func introspectLater(t *testing.T, s *validatortest.Server, token string) <-chan string {
	done := make(chan string, 1)
	go func() {
		_, body, err := postIntrospection(t, s, "api", "s e:cret", "token="+token, "")
		if err != nil {
			body = "error: " + err.Error()
		}
		done <- body
	}()
	return done
}

func waitIntrospectionRequests(t *testing.T, s *validatortest.Server, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, s.WaitIntrospectionRequests(ctx, n))
}

func TestIntrospectionRequests(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	assert.Equal(t, 0, s.IntrospectionRequests())
	introspect(t, s, "unknown")
	_, _, err := get(t, s, s.IntrospectionURL())
	require.NoError(t, err)
	assert.Equal(t, 2, s.IntrospectionRequests())
	assert.Equal(t, 0, s.KeyRequests()+s.TokenRequests()+s.MetadataRequests())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, s.WaitIntrospectionRequests(ctx, 3), context.Canceled)
	assert.NoError(t, s.WaitIntrospectionRequests(ctx, 2))
}

func TestHoldIntrospectionAnswersWhatWasTrueOnArrival(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	token := s.OpaqueToken()
	release := s.HoldIntrospection()
	body := introspectLater(t, s, token)
	waitIntrospectionRequests(t, s, 1)
	servedKeys(t, s) // does not wait
	s.Revoke(token)
	s.SetAnswer(func(_ string, answer map[string]any) { answer["late"] = true })
	release()
	release()
	before := <-body
	assert.Contains(t, before, `"active":true`)
	assert.NotContains(t, before, "late")
	assert.Equal(t, map[string]any{"active": false, "late": true}, introspect(t, s, token))
}

func TestHoldLeavesIntrospectionAlone(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	defer s.Hold()()
	s.SetDelay(time.Hour)
	assertActive(t, s, s.OpaqueToken())
}

func TestIntrospectionDelay(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	s.SetIntrospectionDelay(20 * time.Millisecond)
	began := time.Now()
	assertActive(t, s, s.OpaqueToken())
	assert.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
}

func TestCloseReleasesIntrospection(t *testing.T) {
	for _, stop := range []func(*validatortest.Server){
		func(s *validatortest.Server) { s.SetMode(validatortest.ModeHang) },
		func(s *validatortest.Server) { s.SetIntrospectionMode(validatortest.ModeHang) },
		func(s *validatortest.Server) { s.SetIntrospectionDelay(time.Hour) },
		func(s *validatortest.Server) { s.HoldIntrospection() },
	} {
		s := startWithAPI(t, validatortest.Options{})
		stop(s)
		body := introspectLater(t, s, "unknown")
		waitIntrospectionRequests(t, s, 1)
		s.Close()
		assert.Contains(t, <-body, "error")
	}
}

// status is that of the answer to a GET, of which a server that is up says 405
// where it wants a POST, and 0 for none.
func status(t *testing.T, s *validatortest.Server, address string) int {
	t.Helper()
	answer, _, err := get(t, s, address)
	if err != nil {
		assert.ErrorIs(t, err, io.EOF)
		return 0
	}
	return answer.StatusCode
}

func TestModesOfOneEndpoint(t *testing.T) {
	s := start(t, validatortest.Options{})
	for _, c := range []struct {
		address, other string
		set            func(validatortest.Mode)
		up, otherUp    int
	}{
		{s.JWKSURL(), s.IntrospectionURL(), s.SetKeysMode, http.StatusOK, http.StatusMethodNotAllowed},
		{s.IntrospectionURL(), s.JWKSURL(), s.SetIntrospectionMode, http.StatusMethodNotAllowed, http.StatusOK},
	} {
		c.set(validatortest.ModeError)
		assert.Equal(t, http.StatusInternalServerError, status(t, s, c.address))
		assert.Equal(t, c.otherUp, status(t, s, c.other))
		assert.Equal(t, http.StatusOK, status(t, s, s.MetadataURL()))
		s.SetMode(validatortest.ModeDown)
		assert.Equal(t, http.StatusInternalServerError, status(t, s, c.address), "its own mode goes first")
		assert.Equal(t, 0, status(t, s, c.other))
		c.set(validatortest.ModeUp)
		assert.Equal(t, 0, status(t, s, c.address), "that of the server again")
		c.set(validatortest.ModeHuge)
		_, body, err := get(t, s, c.address)
		require.NoError(t, err)
		assert.Greater(t, len(body), 10<<20)
		c.set(validatortest.ModeUp)
		s.SetMode(validatortest.ModeUp)
		assert.Equal(t, c.up, status(t, s, c.address))
	}
}

func TestIntrospectionHangEndsWithEitherMode(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	for i, c := range []struct{ hang, end func() }{
		{
			func() { s.SetIntrospectionMode(validatortest.ModeHang) },
			func() { s.SetIntrospectionMode(validatortest.ModeUp) },
		},
		{
			func() { s.SetMode(validatortest.ModeHang) },
			func() { s.SetMode(validatortest.ModeUp) },
		},
	} {
		token := s.OpaqueToken()
		c.hang()
		body := introspectLater(t, s, token)
		waitIntrospectionRequests(t, s, i+1)
		s.Revoke(token)
		c.end()
		assert.Contains(t, <-body, `"active":true`, "as on arrival")
	}
}
