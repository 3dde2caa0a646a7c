package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const configuration = `listen: 127.0.0.1:0
upstream: %s
insecure_allow_http: true
identity_headers: {X-User-Id: sub, X-Scopes: scope}
issuers:
  - name: orders
    url: %s
    audiences: [api://default]
    client_ids: [client]
    profile: rfc9068
    introspection:
      client_id: gateway
      secret_file: secret
      format: {prefix: at_}
routes:
  - {pattern: "GET /orders/{id}", scopes: [read]}
  - {pattern: /orders, scopes: [read]}
  - {pattern: /admin, scopes: [admin]}
`

// stage is a gateway as a process of its own, and those whom it talks to, in this one.
type stage struct {
	dir      string
	issuer   *validatortest.Server
	upstream *httptest.Server
	gateway  *exec.Cmd
	address  string

	honestOnes  []request
	hostileOnes []request
}

// newStage builds and starts everything.
func newStage(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "load"); err != nil {
		return s, err
	}
	if s.issuer, err = validatortest.Start(validatortest.Options{OpaquePrefix: "at_"}); err != nil {
		return s, err
	}
	s.issuer.AddClient("gateway", "secret")
	s.upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id": 1, "state": "paid"}`)
	}))
	program := filepath.Join(s.dir, "gateway")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/bearerguard/bearerguard/examples/gateway")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return s, err
	}
	file := filepath.Join(s.dir, "gateway.yaml")
	text := fmt.Sprintf(configuration, s.upstream.URL, s.issuer.Issuer())
	for name, text := range map[string]string{file: text, filepath.Join(s.dir, "secret"): "secret"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return s, err
		}
	}
	return s, s.start(program, file)
}

// start starts the gateway. Its log, a line for every refusal, goes to nowhere.
func (s *stage) start(program, file string) error {
	s.gateway = exec.Command(program, "-config", file)
	out, err := s.gateway.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.gateway.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the gateway does not start: %w", err)
	}
	s.address = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	s.honestOnes, s.hostileOnes = s.honest(), s.hostiles()
	return nil
}

func (s *stage) close() {
	if s.gateway != nil && s.gateway.Process != nil {
		_ = s.gateway.Process.Signal(syscall.SIGTERM)
		_ = s.gateway.Wait()
	}
	if s.upstream != nil {
		s.upstream.Close()
	}
	if s.issuer != nil {
		s.issuer.Close()
	}
	_ = os.RemoveAll(s.dir)
}

// resident is the gateway's memory, by the system; 0: it does not tell.
func (s *stage) resident() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.gateway.Process.Pid))
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// most is the most memory that was seen until stop is called, which may be done again.
func (s *stage) most() (stop func() int64) {
	ended, result := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for most := int64(0); ; {
			most = max(most, s.resident())
			select {
			case <-tick.C:
			case <-ended:
				result <- most
				return
			}
		}
	}()
	return sync.OnceValue(func() int64 { close(ended); return <-result })
}
