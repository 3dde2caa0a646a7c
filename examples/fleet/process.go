package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long anything may take before the program gives up.
const patience = time.Minute

// process is a gateway.
type process struct {
	url     string
	command *exec.Cmd
}

// join starts another gateway, and waits until it is ready.
func (s *stage) join(ctx context.Context, behind string) (*process, error) {
	log := filepath.Join(s.dir, fmt.Sprintf("log%d", len(s.gateways)))
	stderr, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	p := &process{command: exec.Command(filepath.Join(s.dir, "gateway"), "-config", filepath.Join(s.dir, behind+".yaml"))}
	p.command.Stderr = stderr
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	s.gateways = append(s.gateways, p)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		said, _ := os.ReadFile(log)
		return nil, fmt.Errorf("a gateway did not start:\n%s", said)
	}
	p.url = "http://" + address
	err = until(ctx, "a gateway is ready", func() bool {
		answer, err := s.http.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	if err != nil {
		said, _ := os.ReadFile(log)
		err = fmt.Errorf("%w:\n%s", err, said)
	}
	return p, err
}

// end lets it finish.
func (p *process) end() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	_ = p.command.Wait()
}

// until waits until something is so.
func until(ctx context.Context, what string, so func() bool) error {
	late := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			return errors.New("in vain, for a minute: that " + what)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
