package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// newTransport talks to upstreams.
func newTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		// No Proxy: upstreams are neighbours, and a variable of the environment must not
		// say who reads identities.
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  timeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		MaxIdleConns:           1000,
		MaxIdleConnsPerHost:    100,
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true, // bodies go through as they are
		ForceAttemptHTTP2:      true,
	}
}

// buffers are those that bodies are copied with.
var buffers = &bufferPool{sync.Pool{New: func() any { return new([32 << 10]byte) }}}

type bufferPool struct{ sync.Pool }

func (p *bufferPool) Get() []byte  { return p.Pool.Get().(*[32 << 10]byte)[:] }
func (p *bufferPool) Put(b []byte) { p.Pool.Put((*[32 << 10]byte)(b)) }
