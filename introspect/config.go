package introspect

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// Defaults and bounds of Config.
const (
	DefaultMaxInFlight = 32
	DefaultMaxWaiting  = 256
	MaxTimeout         = remote.Timeout // 5 s, and the default
)

// Config is how one authorization server is asked about tokens.
type Config struct {
	// Endpoint is the address to ask at. Default: discovery (RFC 8414,
	// introspection_endpoint; with TLSClientAuth its alias under
	// mtls_endpoint_aliases, if there is one). https.
	Endpoint string
	// Hosts are hosts ("host" or "host:port") other than the issuer's at which a
	// discovered endpoint may be. It gets our secret, so it is not the metadata
	// alone that says where.
	Hosts []string
	// Auth is how we authenticate. Required: an endpoint that answers anybody tells
	// everybody about tokens (RFC 7662 2.1).
	Auth Auth
	// Signed asks for signed answers (RFC 9701), and accepts no others.
	Signed bool
	// SignedAudiences are the aud of signed answers: one must be there. Default:
	// the client id of Auth (RFC 9701 5). Some servers put the token's audience.
	SignedAudiences []string
	// Format is what this server's opaque tokens look like.
	Format Format
	// MaxInFlight is how many questions are on their way at once at most. Default
	// (0) DefaultMaxInFlight.
	MaxInFlight int
	// MaxWaiting is how many more wait for their turn, no longer than Timeout; who
	// comes after them is told so at once. Default (0) DefaultMaxWaiting.
	MaxWaiting int
	// Timeout is what one question may take, the answer's body included. Default
	// and at most MaxTimeout.
	Timeout time.Duration
}

// Mistake is something wrong in a Config.
type Mistake struct{ Field, Problem string }

// Check reports every mistake. checkURL judges Endpoint, client is the one that
// will be used.
func (c *Config) Check(checkURL func(*url.URL) error, client *http.Client) (mistakes []Mistake) {
	add := func(field, format string, args ...any) {
		mistakes = append(mistakes, Mistake{field, fmt.Sprintf(format, args...)})
	}
	if c.Endpoint != "" {
		if u, err := url.Parse(c.Endpoint); err != nil {
			add("Endpoint", "must be a URL")
		} else if err := checkURL(u); err != nil {
			add("Endpoint", "%v", err)
		}
	}
	if c.Endpoint != "" && len(c.Hosts) > 0 {
		add("Hosts", "Endpoint says where it is: they are for a discovered one")
	}
	for _, host := range c.Hosts {
		if u, err := url.Parse("//" + host); err != nil || u.Host != host || u.Hostname() == "" || strings.Contains(host, "*") {
			add("Hosts", "%q is not a host, or a host and port", host)
		}
	}
	if c.Auth.own == nil {
		add("Auth", "is required: ClientSecretBasic, ClientSecretPost, PrivateKeyJWT, TLSClientAuth or BearerToken")
	} else {
		c.checkAuth(add, client)
	}
	if !c.Signed && len(c.SignedAudiences) > 0 {
		add("SignedAudiences", "are those of signed answers, but Signed is not set")
	}
	if slices.Contains(c.SignedAudiences, "") {
		add("SignedAudiences", "none may be empty")
	}
	if problem := c.Format.mistake(); problem != "" {
		add("Format", "%s", problem)
	}
	if c.MaxInFlight < 0 || c.MaxWaiting < 0 {
		add("MaxInFlight", "MaxInFlight and MaxWaiting must not be negative")
	}
	if c.Timeout < 0 || c.Timeout > MaxTimeout || c.Timeout > 0 && c.Timeout < time.Millisecond {
		add("Timeout", "must be between 1 ms and %v: durations have units, such as 2 * time.Second", MaxTimeout)
	}
	return mistakes
}

func (c *Config) checkAuth(add func(field, format string, args ...any), client *http.Client) {
	own := c.Auth.own
	if own.mistake != "" {
		add("Auth", "%s", own.mistake)
	}
	if c.Signed && own.clientID == "" && len(c.SignedAudiences) == 0 {
		add("SignedAudiences", "are required: %s names no client id that signed answers could be for", own.method)
	}
	if _, err := remote.NewAsker(client, MaxTimeout, nil, own.certificate); err != nil {
		add("Auth", "the HTTPClient cannot be used: %v", err)
	}
}

// inForce is a copy with the defaults filled in.
func (c Config) inForce() Config {
	c.Hosts = slices.Clone(c.Hosts)
	c.SignedAudiences = slices.Clone(c.SignedAudiences)
	if len(c.SignedAudiences) == 0 {
		c.SignedAudiences = []string{c.Auth.own.clientID}
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = DefaultMaxInFlight
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	if c.Timeout == 0 {
		c.Timeout = MaxTimeout
	}
	return c
}
