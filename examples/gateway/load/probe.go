package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// probe is honest requests at a fixed rate, whatever becomes of those before: what it
// sees is no slower for being slow. Times count from when a request was due.
type probe struct {
	client *http.Client
	stop   context.CancelFunc
	sent   sync.WaitGroup

	mu    sync.Mutex
	times []time.Duration // guarded by mu
	wrong []string        // guarded by mu
}

func (s *stage) startProbe(rate int) *probe {
	ctx, cancel := context.WithCancel(context.Background())
	p := &probe{client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}, stop: cancel}
	p.sent.Go(func() {
		every := time.Second / time.Duration(rate)
		for due := time.Now(); ; due = due.Add(every) {
			select {
			case <-time.After(time.Until(due)):
				p.sent.Go(func() { p.send(s, due) })
			case <-ctx.Done():
				return
			}
		}
	})
	return p
}

func (p *probe) send(s *stage, due time.Time) {
	r, err := http.NewRequest(http.MethodGet, "http://"+s.address+"/orders/1", nil)
	if err != nil {
		panic(err) // the address is good
	}
	_, token, _ := strings.Cut(s.honestOnes[0].text, "Authorization: ")
	r.Header.Set("Authorization", token[:strings.IndexByte(token, '\r')])
	response, err := p.client.Do(r)
	wrong := ""
	if err != nil {
		wrong = "no answer"
	} else {
		if response.StatusCode != http.StatusOK {
			wrong = response.Status
		}
		_ = response.Body.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times = append(p.times, time.Since(due))
	if wrong != "" {
		p.wrong = append(p.wrong, wrong)
	}
}

// count is how many were answered, or not.
func (p *probe) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.times)
}

// end waits for what was sent, and tells what was seen on one line.
func (p *probe) end() string {
	p.stop()
	p.sent.Wait()
	p.client.CloseIdleConnections()
	if len(p.times) == 0 {
		return "-"
	}
	slices.Sort(p.times)
	at := func(q float64) time.Duration { return p.times[int(q*float64(len(p.times)-1))] }
	line := fmt.Sprintf("%s / %s / %s", short(at(0.5)), short(at(0.99)), short(at(1)))
	if len(p.wrong) > 0 {
		line += fmt.Sprintf(", %d NOT SERVED: %s", len(p.wrong), p.wrong[0])
	}
	return line
}

func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
