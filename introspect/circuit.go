package introspect

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// threshold is how many different tokens in a row it takes. One token that
	// makes the server fail is that token's affair.
	threshold  = 5
	firstPause = time.Second
	maxPause   = 10 * time.Second
	maxBackoff = 4 // doublings of firstPause, more than maxPause needs
)

// circuit suspends asking a server that cannot answer. After the pause, so many
// different tokens are tried as it took to open it; one answer closes it.
type circuit struct {
	mu       sync.Mutex
	failed   map[[sha256.Size]byte]struct{} // tokens since the last answer or pause; at most threshold
	openedAt time.Time
	pause    time.Duration // 0: closed
	opened   int           // times in a row
	trials   int           // that may still be made after the pause
	triedAt  time.Time     // when the last one began
	openings uint64        // since the start
}

// trialTime is longer than any trial takes. Trials of which nothing was heard for
// so long are not coming back: whatever became of them, others are made.
const trialTime = 2 * MaxTimeout

// admit reports whether a question may be asked now, and otherwise how long to
// wait. Who was admitted reports what came of it.
func (c *circuit) admit(now time.Time) (wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pause == 0 {
		return 0, true
	}
	if left := c.pauseLeft(now); left > 0 {
		return left, false
	}
	if idle := now.Sub(c.triedAt); c.trials == 0 && (idle < 0 || idle > trialTime) {
		c.trials = threshold
	}
	if c.trials == 0 {
		return firstPause, false
	}
	c.trials--
	c.triedAt = now
	return 0, true
}

// pauseLeft is how long the pause lasts. A clock that was set back ends it.
func (c *circuit) pauseLeft(now time.Time) time.Duration {
	age := now.Sub(c.openedAt)
	if age < 0 {
		return 0
	}
	return max(c.pause-age, 0)
}

// answered closes the circuit.
func (c *circuit) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed, c.pause, c.opened, c.trials = nil, 0, 0, 0
}

// passed gives a trial back that proved nothing: not asked after all, or a reply
// that says neither that the server works nor that it does not.
func (c *circuit) passed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.giveBack()
}

func (c *circuit) giveBack() {
	c.trials = min(c.trials+1, threshold) // of a closed circuit they do not matter
}

// failing notes a failure, and opens the circuit if it was one too many. A token
// counts once, so that nobody can open it, or use its trials up, with one. lost: no
// reply at all, or one that speaks of overload; then pauses grow. A server that
// replies with another error may have been made to by the tokens, and is tried again
// soon.
func (c *circuit) failing(token [sha256.Size]byte, now time.Time, retryAfter time.Duration, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pauseLeft(now) > 0 {
		return // asked before it opened
	}
	if _, again := c.failed[token]; again {
		c.giveBack()
		return
	}
	if c.failed == nil {
		c.failed = make(map[[sha256.Size]byte]struct{}, threshold)
	}
	c.failed[token] = struct{}{}
	if len(c.failed) < threshold {
		return
	}
	c.pause = max(min(firstPause<<min(c.opened, maxBackoff), maxPause), retryAfter)
	if lost {
		c.opened++
	}
	c.failed, c.openedAt, c.trials = nil, now, threshold
	c.openings++
}
