// Package redisserver runs a redis-server as a process of its own, and does to it what
// happens to one: for tests and examples, in whichever module.
package redisserver

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrMissing says that there is no redis-server, and how to get one.
var ErrMissing = errors.New("there is no redis-server in PATH: install it, for example with `apt-get install redis-server`, " +
	"`dnf install redis` or `brew install redis`, or name a valkey-server in REDIS_SERVER")

// Server is a redis-server on a free port of 127.0.0.1. Its methods must not be called at
// the same time.
type Server struct {
	binary, dir string
	config      func(port int) string
	port        int
	process     *os.Process
	exited      chan struct{} // closed when process has ended
}

// Start runs a server with these lines of configuration, PORT replaced, which keeps its
// files in dir; none means the port alone. With a line that begins with "sentinel" it is a
// sentinel. Kill ends it.
func Start(dir string, lines ...string) (*Server, error) {
	binary, err := exec.LookPath(cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server"))
	if err != nil {
		return nil, ErrMissing
	}
	if len(lines) == 0 {
		lines = []string{"port PORT"}
	}
	text := strings.Join(append([]string{"bind 127.0.0.1", `save ""`, "dir " + dir}, lines...), "\n") + "\n"
	s := &Server{binary: binary, dir: dir}
	s.config = func(port int) string { return strings.ReplaceAll(text, "PORT", fmt.Sprint(port)) }
	for range 10 {
		if s.port, err = FreePort(); err != nil {
			return nil, err
		}
		if err = s.Restart(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// Addr is host and port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// PID is its process id.
func (s *Server) PID() int { return s.process.Pid }

// Kill ends it at once (SIGKILL).
func (s *Server) Kill() {
	_ = s.process.Kill() // one that has ended is what we want
	<-s.exited
}

// Stop makes it answer nobody (SIGSTOP): connections stay, and new ones are taken.
func (s *Server) Stop() error { return s.process.Signal(syscall.SIGSTOP) }

// Continue ends Stop.
func (s *Server) Continue() error { return s.process.Signal(syscall.SIGCONT) }

// patience is how long a server may take to start.
const patience = time.Minute

// Restart starts it again after Kill, at the same address, and waits until it serves.
func (s *Server) Restart() error {
	config := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(config, []byte(s.config(s.port)), 0o600); err != nil {
		return err
	}
	log := &journal{serves: make(chan struct{})}
	command := exec.Command(s.binary, config)
	if strings.Contains(s.config(s.port), "\nsentinel ") {
		command.Args = append(command.Args, "--sentinel")
	}
	command.Stdout, command.Stderr, command.SysProcAttr = log, log, diesWithUs
	if err := command.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.process, s.exited = command.Process, exited
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	select {
	case <-log.serves:
		return nil
	case <-exited: // another process may have taken the port meanwhile
	case <-time.After(patience):
		s.Kill()
	}
	return fmt.Errorf("redis-server does not start:\n%s", log)
}

// journal is what a server writes. It says that it serves once it listens, and has read
// its data.
type journal struct {
	mu     sync.Mutex
	text   bytes.Buffer
	once   sync.Once
	serves chan struct{}
}

var _ io.Writer = (*journal)(nil)

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Write(p)
	if bytes.Contains(j.text.Bytes(), []byte("Ready to accept connections")) || bytes.Contains(j.text.Bytes(), []byte("Sentinel ID is")) {
		j.once.Do(func() { close(j.serves) })
	}
	return len(p), nil
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
