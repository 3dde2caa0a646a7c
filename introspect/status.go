package introspect

import "time"

// Status is how asking a server goes, for health pages and metrics.
type Status struct {
	// Open: several tokens in a row got no answer, so that questions are suspended, or
	// being tried again. One answer ends it.
	Open bool
	// NextTry is when a question may be asked again; zero: at once.
	NextTry time.Time
	// Openings counts how often questions were suspended since the start, a pause that
	// followed another one included.
	Openings uint64
	// InFlight questions are on their way, of MaxInFlight, and Waiting ones wait for
	// their turn, of MaxWaiting.
	InFlight, MaxInFlight, Waiting, MaxWaiting int
}

// Status returns what is the case at this instant. It does no I/O.
func (c *Client) Status() Status {
	s := Status{
		InFlight: len(c.gate.slots), MaxInFlight: cap(c.gate.slots),
		// One that is about to be sent away counts for an instant.
		Waiting: int(min(c.gate.waiting.Load(), c.gate.maxWaiting)), MaxWaiting: int(c.gate.maxWaiting),
	}
	now := c.server.Clock()
	c.circuit.mu.Lock()
	defer c.circuit.mu.Unlock()
	s.Open, s.Openings = c.circuit.pause > 0, c.circuit.openings
	if left := c.circuit.pauseLeft(now); left > 0 {
		s.NextTry = now.Add(left)
	}
	return s
}
