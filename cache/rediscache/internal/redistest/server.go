package redistest

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/redisserver"
)

// patience is how long anything may take before a test gives up.
const patience = time.Minute

// Options are those of a Server. The zero value is one without persistence, TLS, users
// and limits.
type Options struct {
	// MaxMemory is such as "4mb". An empty server takes about 1 MB.
	MaxMemory string
	// Policy is the maxmemory-policy. Default: noeviction.
	Policy string
	// AppendOnly keeps the data over Kill and Restart.
	AppendOnly bool
	// TLS makes it speak nothing else, with a certificate for 127.0.0.1 and localhost.
	TLS bool
	// Rules are those of the user that Server.Options logs in as, such as
	// "~bearerguard:* +@all". Default: the user default, who may do anything.
	Rules string
	// Cluster makes it a cluster of one, which refuses scripts and transactions whose
	// keys are in several slots.
	Cluster bool
	// ReplicaOf makes it a replica of another Server, which has no TLS.
	ReplicaOf *Server
	// Watches makes it a sentinel instead, which makes a replica of that Server the
	// master when it is gone. It calls it by MasterName.
	Watches *Server
}

// MasterName is what a sentinel calls the server that it watches.
const MasterName = "master"

// The users of a server, if it has Rules, and their password.
const (
	admin    = "admin"
	user     = "app"
	password = "of-the-test"
)

// Server is a redis-server of its own, on a free port of 127.0.0.1. Its methods belong
// to the test's own goroutine, and fail the test if they cannot do what they say.
type Server struct {
	t      testing.TB
	o      Options
	dir    string
	tls    *tls.Config
	server *redisserver.Server
	admin  *redis.Client
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, o: o, dir: t.TempDir()}
	if o.TLS {
		s.tls = writeCertificate(t, s.dir)
	}
	var err error
	s.server, err = redisserver.Start(s.dir, s.config()...)
	require.NoError(t, err, "run `make setup`")
	s.connect()
	t.Cleanup(s.Kill)
	if o.Cluster {
		s.Do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
		Eventually(t, "the cluster is up", func() bool {
			return strings.Contains(s.Do("CLUSTER", "INFO").(string), "cluster_state:ok")
		})
	}
	return s
}

// connect makes the client that Do has, for as long as the server lives.
func (s *Server) connect() {
	s.admin = redis.NewClient(&redis.Options{
		Addr: s.Addr(), TLSConfig: s.tls, Username: admin, Password: password, MaxRetries: -1, ReadTimeout: patience,
	})
}

// config is the configuration file, in lines.
func (s *Server) config() (lines []string) {
	line := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	line("user %s on >%s ~* &* +@all", admin, password)
	if w := s.o.Watches; w != nil {
		line("port PORT")
		line("sentinel monitor %s 127.0.0.1 %s 1", MasterName, w.port())
		line("sentinel down-after-milliseconds %s 500\nsentinel failover-timeout %s 5000", MasterName, MasterName)
		return lines
	}
	line("appendonly %s\nmasteruser %s\nmasterauth %s", yes(s.o.AppendOnly), admin, password)
	if s.o.Rules != "" {
		line("user default off\nuser %s on >%s %s", user, password, s.o.Rules)
	}
	if s.o.TLS {
		line("port 0\ntls-port PORT\ntls-auth-clients no\ntls-cert-file %s/cert.pem\ntls-key-file %s/key.pem", s.dir, s.dir)
	} else {
		line("port PORT")
	}
	if s.o.MaxMemory != "" {
		line("maxmemory %s", s.o.MaxMemory)
	}
	if s.o.Policy != "" {
		line("maxmemory-policy %s", s.o.Policy)
	}
	line("cluster-enabled %s\nrepl-diskless-sync-delay 0", yes(s.o.Cluster))
	if s.o.ReplicaOf != nil {
		line("replicaof 127.0.0.1 %s", s.o.ReplicaOf.port())
	}
	return lines
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Addr is host and port.
func (s *Server) Addr() string { return s.server.Addr() }

func (s *Server) port() string { _, port, _ := strings.Cut(s.Addr(), ":"); return port }

// Options are what a client of the API connects with, within bounds as services set them.
func (s *Server) Options() *redis.Options {
	o := &redis.Options{Addr: s.Addr(), TLSConfig: s.tls, ContextTimeoutEnabled: true}
	if s.o.Rules != "" {
		o.Username, o.Password = user, password
	}
	return o
}

// Client is a new one with Options, after edits, until the test ends.
func (s *Server) Client(edits ...func(*redis.Options)) *redis.Client {
	o := s.Options()
	for _, edit := range edits {
		edit(o)
	}
	c := redis.NewClient(o)
	s.t.Cleanup(func() { c.Close() })
	return c
}

// Do has the server carry out a command, and returns its answer.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	answer, err := s.admin.Do(s.t.Context(), args...).Result()
	if err != redis.Nil {
		require.NoError(s.t, err, "%v", args)
	}
	return answer
}

// FlushAll makes it forget everything.
func (s *Server) FlushAll() {
	s.t.Helper()
	s.Do("FLUSHALL")
}

// Kill ends it at once (SIGKILL).
func (s *Server) Kill() {
	s.admin.Close()
	s.server.Kill()
}

// Restart starts it again after Kill, at the same address: with its data if it has
// AppendOnly, else without.
func (s *Server) Restart() {
	s.t.Helper()
	require.NoError(s.t, s.server.Restart())
	s.connect()
}

// Stop makes it answer nobody (SIGSTOP): connections to it stay, and new ones are still
// made, by the kernel.
func (s *Server) Stop() {
	s.t.Helper()
	require.NoError(s.t, s.server.Stop())
}

// Continue ends Stop.
func (s *Server) Continue() {
	s.t.Helper()
	require.NoError(s.t, s.server.Continue())
}

// Eventually asks until it is so.
func Eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-deadline:
			t.Fatalf("gave up waiting until %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
