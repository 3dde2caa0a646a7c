package redisserver_test

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/internal/redisserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask sends a line, and returns the answer's.
func ask(s *redisserver.Server, line string) (string, error) {
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(conn, "%s\r\n", line)
	return bufio.NewReader(conn).ReadString('\n')
}

// TestLife: what a server is told to suffer, its clients see.
func TestLife(t *testing.T) {
	s, err := redisserver.Start(t.TempDir(), "port PORT", "maxmemory-policy allkeys-lru")
	require.NoError(t, err)
	defer s.Kill()
	serves := func() bool {
		answer, err := ask(s, "PING")
		return err == nil && answer == "+PONG\r\n"
	}
	assert.True(t, serves())
	require.NoError(t, s.Stop())
	assert.False(t, serves())
	require.NoError(t, s.Continue())
	assert.True(t, serves())
	_, err = ask(s, "SET a 1")
	require.NoError(t, err)
	s.Kill()
	assert.False(t, serves())
	require.NoError(t, s.Restart())
	answer, err := ask(s, "EXISTS a")
	require.NoError(t, err)
	assert.Equal(t, ":0\r\n", answer, "it had nothing to remember by")
}

// TestCannotStart: what is wrong is told.
func TestCannotStart(t *testing.T) {
	_, err := redisserver.Start(t.TempDir(), "port PORT", "nonsense 1")
	assert.ErrorContains(t, err, "nonsense")
	t.Setenv("REDIS_SERVER", "no-such-server")
	_, err = redisserver.Start(t.TempDir())
	assert.ErrorIs(t, err, redisserver.ErrMissing)
}
