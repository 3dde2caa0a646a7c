package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// open opens connections and sends a text over each.
func (s *stage) open(n int, text string) (conns []net.Conn, err error) {
	for range n {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			hangUp(conns)
			return nil, err
		}
		conns = append(conns, conn)
		if _, err := io.WriteString(conn, text); err != nil {
			hangUp(conns)
			return nil, err
		}
	}
	return conns, nil
}

func hangUp(conns []net.Conn) {
	for _, conn := range conns {
		conn.Close()
	}
}

// closes reports how long it took until the gateway had closed the first and the last of
// the connections.
func closes(ctx context.Context, conns []net.Conn, patience time.Duration) (first, last time.Duration, err error) {
	begun := time.Now()
	for i, conn := range conns {
		_ = conn.SetReadDeadline(begun.Add(patience))
		_, err := io.Copy(io.Discard, conn)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || ctx.Err() != nil {
			return first, last, errors.Join(ctx.Err(), fmt.Errorf("connection %d is still open after %s", i, time.Since(begun)))
		}
		last = time.Since(begun)
		if i == 0 {
			first = last
		}
	}
	return first, last, nil
}

// slowClients is clients that send their headers a byte a second.
func (s *stage) slowClients(ctx context.Context, o options) error {
	if o.slow == 0 {
		return nil
	}
	before, memory := s.resident(), s.most()
	defer func() { _ = memory() }()
	conns, err := s.open(o.slow, "GET /orders/1 HTTP/1.1\r\nHost: api\r\nX-Slow: ")
	if err != nil {
		return err
	}
	defer hangUp(conns)
	probe, ended := s.startProbe(o.rate), make(chan struct{})
	go trickle(conns, ended)
	first, last, err := closes(ctx, conns, time.Minute)
	close(ended)
	if err != nil {
		return err
	}
	fmt.Println("| slow clients | first closed after | last closed after | probe p50 / p99 / max meanwhile | MiB before | at most | after |")
	fmt.Println("|---|---|---|---|---|---|---|")
	fmt.Printf("| %d | %s | %s | %s | %d | %d | %d |\n\n", o.slow, first.Round(100*time.Millisecond), last.Round(100*time.Millisecond), probe.end(),
		before>>20, memory()>>20, s.resident()>>20)
	return nil
}

// trickle sends a byte a second over each connection that takes it.
func trickle(conns []net.Conn, ended <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, conn := range conns {
				_, _ = conn.Write([]byte("x"))
			}
		case <-ended:
			return
		}
	}
}

// idleConnections is connections that are kept after a request.
func (s *stage) idleConnections(ctx context.Context, o options) error {
	if o.idle == 0 {
		return nil
	}
	before := s.resident()
	conns, err := s.open(o.idle, s.honestOnes[0].text)
	if err != nil {
		return err
	}
	defer hangUp(conns)
	for _, conn := range conns {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("%d, %w", response.StatusCode, err)
		}
	}
	during := s.resident()
	probe := s.startProbe(o.rate)
	select {
	case <-time.After(o.length):
	case <-ctx.Done():
	}
	probed := probe.end()
	first, last, err := closes(ctx, conns, 5*time.Minute)
	if err != nil {
		return err
	}
	fmt.Println("| idle connections | MiB before | with them | kB each | probe p50 / p99 / max beside | first closed after | last | MiB after |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	fmt.Printf("| %d | %d | %d | %.1f | %s | %s | %s | %d |\n", o.idle, before>>20, during>>20, float64(during-before)/float64(o.idle)/1000, probed,
		(o.length + first).Round(time.Second), (o.length + last).Round(time.Second), s.resident()>>20)
	return nil
}
