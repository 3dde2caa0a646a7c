package interop

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a script of the directory provider, which answers a line of JSON with
// another one. Its methods belong to the test's own goroutine.
type process struct {
	stdin   io.WriteCloser
	stdout  *os.File
	answers *bufio.Reader
}

// run starts a script and ends it with the test.
func run(t testing.TB, script string) *process {
	t.Helper()
	// A pipe of our own, because exec's hides that it can time out.
	stdout, childStdout, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(findNode(t), script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "provider", childStdout, t.Output()
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	childStdout.Close() // from here on, the end of the process is the end of the pipe
	p := &process{stdin, stdout, bufio.NewReader(stdout)}
	t.Cleanup(func() { p.stop(t, cmd) })
	return p
}

// stop lets the process end by itself, which its closed stdin tells it to.
func (p *process) stop(t testing.TB, cmd *exec.Cmd) {
	p.stdin.Close()
	kill := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v", cmd, err)
	}
	p.stdout.Close()
}

func (p *process) send(t testing.TB, command any) {
	t.Helper()
	require.NoError(t, json.NewEncoder(p.stdin).Encode(command))
}

func (p *process) receive(t testing.TB, into any) {
	t.Helper()
	require.NoError(t, p.stdout.SetReadDeadline(time.Now().Add(patience)))
	line, err := p.answers.ReadBytes('\n')
	require.NoError(t, err, "the process did not answer")
	require.NoError(t, json.Unmarshal(line, into))
}

// findNode returns a Node that can run the provider. A machine without one
// fails the test: an interop test that is skipped proves nothing.
func findNode(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat("provider/node_modules/oidc-provider"); err != nil {
		t.Fatal("the packages of internal/interop/provider are not installed: run `make setup`")
	}
	local, err := filepath.Abs("provider/.node/node_modules/.bin/node")
	require.NoError(t, err)
	for _, node := range []string{"node", local} {
		// What the provider needs of the newer releases; 20.19 and 22 have it.
		if exec.Command(node, "-e", "process.exit(URL.parse ? 0 : 1)").Run() == nil {
			return node
		}
	}
	t.Fatal("there is no Node 20.19 or newer: run `make setup`")
	return ""
}
