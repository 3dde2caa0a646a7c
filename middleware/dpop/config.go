package dpop

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/internal/httpuri"
	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/validator"
)

// Defaults and bounds of Config.
const (
	// DefaultWindow is that of Config.Window.
	DefaultWindow = 60 * time.Second
	// MaxWindow is the most that can be configured: RFC 9449 11.1 speaks of "relatively
	// brief periods, on the order of seconds or minutes".
	MaxWindow = 5 * time.Minute
	// MaxNonceLifetime is the longest lifetime of a nonce.
	MaxNonceLifetime = 24 * time.Hour
)

// Config is what a Verifier is made of. New copies and checks it whole.
type Config struct {
	// Origins are the https origins at which clients address this API, such as
	// "https://api.example.com", without a path: a proof must be for one of them. At
	// least one.
	//
	// With a single origin, every request is taken to be for it, whatever its Host is.
	// With several, the Host header chooses among them, or what TrustedProxies say.
	Origins []string
	// TrustedProxies are the addresses of proxies whose Forwarded (RFC 7239), or
	// X-Forwarded-Proto and X-Forwarded-Host, is believed: it chooses among Origins, and
	// a request that it calls one for another origin is refused. Such a proxy must set
	// these headers itself on every request. Default: none, the headers are not looked at.
	TrustedProxies []netip.Prefix
	// Algorithms are the JWS algorithms of proofs that are accepted: RS256, RS384, RS512,
	// PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519. Default: all of them.
	Algorithms []string
	// Window is how far iat may be away from our clock, before or after it. Default (0)
	// DefaultWindow; at most MaxWindow.
	Window time.Duration
	// Replays remembers which proofs were used. Default: a Memory of this process, with
	// its defaults. Replicas need a shared one, or each accepts a proof once.
	Replays ReplayStore
	// Nonces makes proofs contain a nonce of this API. Default: they need none.
	Nonces *Nonces
	// Clock defaults to time.Now. It must be safe for concurrent use.
	Clock func() time.Time
	// InsecureAllowHTTP accepts plain http origins on loopback (localhost, 127.0.0.0/8,
	// ::1), for tests and demonstrations.
	InsecureAllowHTTP bool
}

// mistakes collects ConfigErrors.
type mistakes []error

func (m *mistakes) add(field, format string, args ...any) {
	*m = append(*m, &validator.ConfigError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

func (m mistakes) err() error { return errors.Join(m...) }

// New returns a Verifier. The error joins a *validator.ConfigError for every mistake.
func New(config Config) (*Verifier, error) {
	v := &Verifier{
		peers: slices.Clone(config.TrustedProxies), algorithms: jose.AllAlgorithms, window: config.Window,
		headers: newHeaders(), replays: config.Replays, clock: config.Clock,
	}
	if v.window == 0 {
		v.window = DefaultWindow
	}
	if v.clock == nil {
		v.clock = time.Now
	}
	var m mistakes
	v.origins = config.readOrigins(&m)
	v.peers.Check(func(i int, problem string) { m.add(fmt.Sprintf("TrustedProxies[%d]", i), "%s", problem) })
	checkDuration(&m, "Window", config.Window, MaxWindow)
	if len(config.Algorithms) > 0 {
		v.algorithms = config.readAlgorithms(&m)
	}
	if config.Nonces != nil {
		v.nonces = config.Nonces.read(&m, v.window)
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	if v.replays == nil {
		memory, err := NewMemory(MemoryConfig{Clock: v.clock})
		if err != nil {
			return nil, err
		}
		v.replays = memory
	}
	return v, nil
}

// readOrigins returns the normal forms.
func (c *Config) readOrigins(m *mistakes) (origins []string) {
	if len(c.Origins) == 0 {
		m.add("Origins", "at least one is required")
	}
	for i, text := range c.Origins {
		field := fmt.Sprintf("Origins[%d]", i)
		u, err := url.Parse(text)
		if err != nil {
			m.add(field, "must be a URL")
			continue
		}
		if err := remote.CheckURL(u, c.InsecureAllowHTTP); err != nil {
			m.add(field, "%v", err)
			continue
		}
		t, err := httpuri.Parse(text)
		switch {
		case err != nil:
			m.add(field, "%v", err)
		case t.Path != "/" || u.RawQuery != "" || u.ForceQuery:
			m.add(field, "must be scheme and host only")
		case slices.Contains(origins, t.Origin):
			m.add(field, "is there twice")
		}
		origins = append(origins, t.Origin)
	}
	return origins
}

func (c *Config) readAlgorithms(m *mistakes) (set jose.Algorithms) {
	for _, name := range c.Algorithms {
		a, ok := jose.ParseAlgorithm(name)
		if !ok {
			m.add("Algorithms", "%q is not an asymmetric JWS algorithm that this library verifies", name)
			continue
		}
		set |= jose.NewAlgorithms(a)
	}
	return set
}

func (n *Nonces) read(m *mistakes, window time.Duration) *nonces {
	if len(n.Secret) < MinNonceSecret {
		m.add("Nonces.Secret", "must have at least %d bytes", MinNonceSecret)
	}
	own := &nonces{macs: []mac{newMAC(n.Secret)}, lifetime: n.Lifetime, ahead: window}
	if len(n.Previous) > 0 {
		if len(n.Previous) < MinNonceSecret {
			m.add("Nonces.Previous", "must have at least %d bytes, or none", MinNonceSecret)
		}
		if bytes.Equal(n.Previous, n.Secret) {
			m.add("Nonces.Previous", "is the Secret")
		}
		own.macs = append(own.macs, newMAC(n.Previous))
	}
	if own.lifetime == 0 {
		own.lifetime = DefaultNonceLifetime
	}
	checkDuration(m, "Nonces.Lifetime", n.Lifetime, MaxNonceLifetime)
	return own
}

// checkDuration refuses what nobody means: 60 instead of 60 * time.Second.
func checkDuration(m *mistakes, field string, d, most time.Duration) {
	switch {
	case d < 0:
		m.add(field, "must not be negative")
	case d > 0 && d < time.Second:
		m.add(field, "is %v: must be at least a second, and durations have units, such as %d * time.Second", d, d)
	case d > most:
		m.add(field, "must not be above %v", most)
	}
}
