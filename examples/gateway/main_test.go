package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// asProcess makes the test binary the program: with the race detector, if it has it.
const asProcess = "GATEWAY_AS_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" {
		main()
		return
	}
	logging.Disable() // of go-redis
	// net/http waits half a second where it closes before all was read; as long as goleak waits.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience is how long a test waits for what must happen.
const patience = time.Minute

// front is a gateway that runs.
type front struct {
	address string // host:port
	path    string // of its file
	client  *http.Client
	log     *journal
	signal  func(os.Signal)
	ended   chan error // gets how it ended
}

// configure writes a configuration file. Words in capitals stand for addresses.
func configure(t testing.TB, text string, words ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	rewrite(t, path, text, words...)
	return path
}

func rewrite(t testing.TB, path, text string, words ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(words...).Replace(text)), 0o600))
}

// start runs the program in this process until the test ends.
func start(t testing.TB, path string) *front {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reload := make(chan os.Signal, 1)
	f := &front{path: path, log: newJournal(), ended: make(chan error, 1), client: newClient(t)}
	f.signal = func(s os.Signal) {
		if s == syscall.SIGHUP {
			reload <- s
		} else {
			cancel()
		}
	}
	out, in := io.Pipe()
	go func() {
		err := run(ctx, reload, []string{"-config", path}, in, f.log)
		in.CloseWithError(io.EOF)
		f.ended <- err
		close(f.ended)
	}()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-f.ended)
	})
	f.address = listening(t, out, f.log)
	return f
}

// process is the program as a process of its own.
func process(path string) *exec.Cmd {
	command := exec.Command(os.Args[0], "-config", path)
	command.Env = append(os.Environ(), asProcess+"=1")
	return command
}

// startProcess runs the program as a process of its own.
func startProcess(t *testing.T, path string) *front {
	t.Helper()
	command := process(path)
	f := startCommand(t, command, func(s os.Signal) { _ = command.Process.Signal(s) })
	f.path = path
	return f
}

func startCommand(t *testing.T, command *exec.Cmd, signal func(os.Signal)) *front {
	t.Helper()
	f := &front{log: newJournal(), ended: make(chan error, 1), client: newClient(t), signal: signal}
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	command.Stderr = f.log
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		signal(syscall.SIGTERM)
		<-f.ended
	})
	f.address = listening(t, out, f.log)
	go func() {
		_, _ = io.Copy(io.Discard, out)
		f.ended <- command.Wait()
		close(f.ended)
	}()
	return f
}

// listening reads "listening on ADDR".
func listening(t testing.TB, out io.Reader, log *journal) string {
	t.Helper()
	line, err := readLine(out)
	require.NoError(t, err, "%s", log)
	address, ok := strings.CutPrefix(line, "listening on ")
	require.True(t, ok, line)
	return address
}

func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", errors.Join(err, errors.New(string(line)))
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
}

func newClient(t testing.TB) *http.Client {
	c := &http.Client{Transport: &http.Transport{}, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func newIssuer(t testing.TB, o validatortest.Options) *validatortest.Server {
	t.Helper()
	if o.Audience == "" {
		o.Audience = "api://orders"
	}
	if o.Algorithm == "" {
		o.Algorithm = "ES256"
	}
	as, err := validatortest.Start(o)
	require.NoError(t, err)
	t.Cleanup(as.Close)
	return as
}

// mint makes a token that the routes of most tests accept.
func mint(as *validatortest.Server, edits ...validatortest.Edit) string {
	return as.AccessToken(append([]validatortest.Edit{
		validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"), validatortest.Subject("alice"),
	}, edits...)...)
}

// simple is a configuration with one issuer and the routes that follow it.
const simple = `listen: 127.0.0.1:0
upstream: UPSTREAM
insecure_allow_http: true
identity_headers:
  X-User-Id: sub
  X-User-Issuer: iss
  X-Client-Id: client_id
  X-Scopes: scope
  X-Claim-Tenant: claim:tenant
issuers:
  - name: orders
    url: ISSUER
    audiences: [api://orders]
    client_ids: [orders-app]
    profile: rfc9068
routes:
  - pattern: GET /orders/{id}
    scopes: [orders.read]
  - pattern: /orders
    scopes: [orders.read]
  - pattern: /public/
    public: true
  - pattern: GET /maybe
    optional: true
    any_token: true
  - pattern: GET /files/{path...}
    scopes: [orders.read]
    allow_encoded: true
`

// startSimple starts the simple configuration.
func startSimple(t testing.TB, more ...string) (*front, *validatortest.Server) {
	t.Helper()
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	return start(t, configure(t, simple+strings.Join(more, ""), "ISSUER", as.Issuer(), "UPSTREAM", up.URL)), as
}

func dial(t testing.TB, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewReader(conn)
}
