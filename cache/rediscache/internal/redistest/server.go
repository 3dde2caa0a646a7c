package redistest

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// patience is how long anything may take before a test gives up.
const patience = 20 * time.Second

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
	t       testing.TB
	o       Options
	dir     string
	port    int
	tls     *tls.Config
	admin   *redis.Client
	process *os.Process
	exited  chan struct{} // closed when process has ended
}

// binary is redis-server, or what REDIS_SERVER names, such as valkey-server.
func binary() string {
	if name := os.Getenv("REDIS_SERVER"); name != "" {
		return name
	}
	return "redis-server"
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if _, err := exec.LookPath(binary()); err != nil {
		t.Fatalf("%v: run `make setup`", err)
	}
	s := &Server{t: t, o: o, dir: t.TempDir()}
	if o.TLS {
		s.tls = writeCertificate(t, s.dir)
	}
	for s.port = freePort(t); !s.start(); s.port = freePort(t) {
		require.NotContains(t, s.log(), "FATAL CONFIG")
	}
	t.Cleanup(s.Kill)
	if o.Cluster {
		s.Do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
		Eventually(t, "the cluster is up", func() bool {
			return strings.Contains(s.Do("CLUSTER", "INFO").(string), "cluster_state:ok")
		})
	}
	return s
}

// start reports whether the server that answers is the one that was started. It is not
// if another process took the port in the meantime.
func (s *Server) start() (own bool) {
	s.t.Helper()
	config := filepath.Join(s.dir, "redis.conf")
	require.NoError(s.t, os.WriteFile(config, []byte(s.config()), 0o600))
	log, err := os.Create(filepath.Join(s.dir, "log"))
	require.NoError(s.t, err)
	defer log.Close()
	cmd := exec.Command(binary(), config)
	if s.o.Watches != nil {
		cmd.Args = append(cmd.Args, "--sentinel")
	}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, diesWithUs
	require.NoError(s.t, cmd.Start())
	exited := make(chan struct{})
	s.process, s.exited = cmd.Process, exited
	go func() {
		cmd.Wait()
		close(exited)
	}()
	s.admin = redis.NewClient(&redis.Options{
		Addr: s.Addr(), TLSConfig: s.tls, Username: admin, Password: password, MaxRetries: -1, ReadTimeout: patience,
	})
	Eventually(s.t, "the server answers", func() bool {
		select {
		case <-exited:
			return true
		default:
			info, _ := s.admin.Info(s.t.Context(), "server", "persistence").Result()
			own = strings.Contains(info, fmt.Sprintf("process_id:%d\r", s.process.Pid))
			return info != "" && !strings.Contains(info, "loading:1")
		}
	})
	if !own {
		s.Kill()
	}
	return own
}

// config is the text of the configuration file.
func (s *Server) config() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("bind 127.0.0.1\ndir %s\nuser %s on >%s ~* &* +@all", s.dir, admin, password)
	if w := s.o.Watches; w != nil {
		line("port %d\nsentinel monitor %s 127.0.0.1 %d 1", s.port, MasterName, w.port)
		line("sentinel down-after-milliseconds %s 500\nsentinel failover-timeout %s 5000", MasterName, MasterName)
		return b.String()
	}
	line("save \"\"\nappendonly %s\nmasteruser %s\nmasterauth %s", yes(s.o.AppendOnly), admin, password)
	if s.o.Rules != "" {
		line("user default off\nuser %s on >%s %s", user, password, s.o.Rules)
	}
	if s.o.TLS {
		line("port 0\ntls-port %d\ntls-auth-clients no\ntls-cert-file %s/cert.pem\ntls-key-file %s/key.pem", s.port, s.dir, s.dir)
	} else {
		line("port %d", s.port)
	}
	if s.o.MaxMemory != "" {
		line("maxmemory %s", s.o.MaxMemory)
	}
	if s.o.Policy != "" {
		line("maxmemory-policy %s", s.o.Policy)
	}
	line("cluster-enabled %s\nrepl-diskless-sync-delay 0", yes(s.o.Cluster))
	if s.o.ReplicaOf != nil {
		line("replicaof 127.0.0.1 %d", s.o.ReplicaOf.port)
	}
	return b.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (s *Server) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text)
}

// Addr is host and port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

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
	s.process.Kill() // one that has ended already is what we want
	<-s.exited
}

// Restart starts it again after Kill, at the same address: with its data if it has
// AppendOnly, else without.
func (s *Server) Restart() {
	s.t.Helper()
	require.True(s.t, s.start(), "cannot be started again:\n%s", s.log())
}

// Stop makes it answer nobody (SIGSTOP): connections to it stay, and new ones are still
// made, by the kernel.
func (s *Server) Stop() { s.signal(syscall.SIGSTOP) }

// Continue ends Stop.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal os.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.process.Signal(signal))
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
