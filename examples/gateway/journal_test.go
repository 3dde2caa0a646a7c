package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// journal is the program's stderr: a test waits for what it says.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when there is more
}

func newJournal() *journal { return &journal{more: make(chan struct{})} }

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.more)
	j.more = make(chan struct{})
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// wait returns once the journal has said it n times.
func (j *journal) wait(t *testing.T, said string, n int) {
	t.Helper()
	timeout := time.After(patience)
	for {
		j.mu.Lock()
		text, more := j.text.String(), j.more
		j.mu.Unlock()
		if strings.Count(text, said) >= n {
			return
		}
		select {
		case <-more:
		case <-timeout:
			require.FailNow(t, "it was not said", "%q in\n%s", said, text)
		}
	}
}
