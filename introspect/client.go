package introspect

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// Server is the authorization server that a Client asks.
type Server struct {
	// Issuer is its issuer identifier.
	Issuer string
	// CheckURL judges every address before it is asked, discovered ones included.
	// Default: https only.
	CheckURL func(*url.URL) error
	// HTTPClient is copied and bounded; nil means one of our own.
	HTTPClient *http.Client
	// Clock defaults to time.Now.
	Clock func() time.Time
	// Verify verifies a signed answer (RFC 9701), which must be for one of the
	// audiences and was asked for at sent, and returns its token_introspection.
	// Errors of type *Error keep their Kind, others are Malformed. Required where
	// Config.Signed.
	Verify func(ctx context.Context, answer string, audiences []string, sent time.Time) (string, error)
}

// Client asks one authorization server about tokens. It is safe for concurrent use.
type Client struct {
	server  Server
	config  Config
	asker   *remote.Asker
	finder  *finder
	gate    *gate
	circuit circuit
}

// New returns a Client that has asked nothing yet: it does no I/O. The config
// must be one in which Check finds no mistake.
func New(server Server, config Config) (*Client, error) {
	if server.CheckURL == nil {
		server.CheckURL = func(u *url.URL) error { return remote.CheckURL(u, false) }
	}
	if server.Clock == nil {
		server.Clock = time.Now
	}
	if mistakes := config.Check(server.CheckURL, server.HTTPClient); len(mistakes) > 0 {
		return nil, errors.New("introspect: " + mistakes[0].Field + ": " + mistakes[0].Problem)
	}
	if config.Signed && server.Verify == nil {
		return nil, errors.New("introspect: Verify is required for signed answers")
	}
	config = config.inForce()
	asker, err := remote.NewAsker(server.HTTPClient, config.Timeout, server.CheckURL, config.Auth.own.certificate)
	if err != nil {
		return nil, err
	}
	c := &Client{server: server, config: config, asker: asker, gate: newGate(config.MaxInFlight, config.MaxWaiting, config.Timeout)}
	c.finder = &finder{
		clock:  server.Clock,
		client: remote.NewClient(server.HTTPClient, server.CheckURL), check: server.CheckURL, issuer: server.Issuer,
		hosts: config.Hosts, mutualTLS: config.Auth.own.certificate != nil, configured: config.Endpoint != "",
	}
	if config.Endpoint != "" {
		c.finder.endpoint.Store(&config.Endpoint)
	}
	return c, nil
}

// Fits reports whether the text can be one of the server's opaque tokens.
func (c *Client) Fits(token string) bool { return c.config.Format.Fits(token) }

// About is what the server's answers may depend on beside the token: where it is asked
// (empty: where discovery says), how we authenticate and as whom, and for whom its
// answers are signed, if they are. Clients about which it is equal, at the same issuer,
// get the same answers.
func (c *Client) About() []string {
	own := c.config.Auth.own
	about := []string{c.config.Endpoint, own.method, own.clientID}
	if c.config.Signed {
		about = append(append(about, "signed"), slices.Sorted(slices.Values(c.config.SignedAudiences))...)
	}
	return about
}

// Introspect asks about a token and returns the answer, or an *Error. It waits
// for its turn, and for the server, no longer than Timeout each, and ends with
// ctx. Answers are not kept.
func (c *Client) Introspect(ctx context.Context, token string) (Answer, error) {
	if wait, ok := c.circuit.admit(c.server.Clock()); !ok {
		return Answer{}, &Error{Kind: CircuitOpen, RetryAfter: wait, Detail: "several tokens in a row could not be answered for"}
	}
	reported := false
	defer func() {
		if !reported { // a panic, too
			c.circuit.passed()
		}
	}()
	if err := c.gate.enter(ctx); err != nil {
		return Answer{}, err
	}
	defer c.gate.leave()
	answer, health, err := c.ask(ctx, token)
	reported = true
	var failed *Error
	switch errors.As(err, &failed); {
	case health == working:
		c.circuit.answered()
	case health == broken, health == lost:
		c.circuit.failing(sha256.Sum256([]byte(token)), c.server.Clock(), failed.RetryAfter, health == lost)
	default:
		c.circuit.passed()
	}
	if failed != nil {
		failed.Detail = withoutToken(failed.Detail, token)
		return Answer{}, failed
	}
	return answer, nil
}

// authenticate lets the user's function, if there is one, take no longer than the
// question itself.
func (c *Client) authenticate(ctx context.Context, q *remote.Question) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	return c.config.Auth.own.apply(ctx, c, q)
}

// withoutSecrets is text without our credentials, should a transport of the user's
// have quoted the request.
func withoutSecrets(text string, q remote.Question) string {
	_, credentials, _ := strings.Cut(q.Authorization, " ")
	for _, secret := range []string{credentials, q.Form.Get("client_secret"), q.Form.Get("client_assertion")} {
		text = replaced(text, secret, "[secret]")
	}
	return text
}

// replaced is text with another in the place of one, raw or form-encoded.
func replaced(text, one, other string) string {
	if one == "" {
		return text
	}
	return strings.NewReplacer(one, other, url.QueryEscape(one), other).Replace(text)
}

// withoutToken is text without the token, should a server or a transport of the
// user's have quoted it.
func withoutToken(text, token string) string { return replaced(text, token, "[token]") }

// health is what a question showed about the server.
type health int

const (
	unknown health = iota
	working
	broken // it replies with errors
	lost   // it does not reply, or only that it cannot
)

// ask asks one question. Errors are of type *Error.
func (c *Client) ask(ctx context.Context, token string) (Answer, health, error) {
	endpoint, err := c.finder.find(ctx)
	if err != nil {
		return Answer{}, reach(ctx, err), &Error{Kind: Unavailable, Detail: err.Error()}
	}
	// token_type_hint: it is only access tokens that we accept (RFC 7662 2.1).
	q := remote.Question{Address: endpoint, Form: url.Values{"token": {token}, "token_type_hint": {"access_token"}}, Accept: mediaType}
	if c.config.Signed {
		q.Accept = signedMediaType
	}
	if err := c.authenticate(ctx, &q); err != nil {
		return Answer{}, unknown, &Error{Kind: Credentials, Detail: err.Error()}
	}
	sent := c.server.Clock()
	reply, err := c.asker.Ask(ctx, q)
	if err != nil {
		return Answer{}, reach(ctx, err), unasked(err, q)
	}
	if reply.Status != http.StatusOK {
		return Answer{}, c.judge(reply.Status), problem(reply)
	}
	answer, err := c.read(ctx, reply.Body, sent)
	if err != nil {
		return Answer{}, unknown, err
	}
	return answer, working, nil
}

// unasked is the error that belongs to one of remote.Asker.
func unasked(err error, q remote.Question) *Error {
	kind := Unavailable
	var failed *remote.Error
	if errors.As(err, &failed) && failed.Kind == remote.NoCertificate {
		kind = Credentials
	}
	return &Error{Kind: kind, Detail: withoutSecrets(err.Error(), q)}
}

// reach is what it shows when there is no reply: a cut, a timeout or the like
// counts; what our own rules refuse, a certificate that we lack, a body that is
// too long, or a caller who left, does not.
func reach(ctx context.Context, err error) health {
	var failed *remote.Error
	if ctx.Err() != nil || !errors.As(err, &failed) {
		return unknown
	}
	switch failed.Kind {
	case remote.Refused, remote.NoCertificate, remote.TooLarge:
		return unknown
	}
	if failed.Kind == remote.Status && !failing(failed.Status) { // of the metadata
		return unknown
	}
	return lost
}

// The media types of answers (RFC 7662 2.2, RFC 9701 5).
const (
	mediaType       = "application/json"
	signedMediaType = "application/token-introspection+jwt"
)

// judge is what a status other than 200 shows. A 4xx may be the token's or our
// own fault, and never counts against the server.
func (c *Client) judge(status int) health {
	switch {
	case overloaded(status):
		return lost
	case failing(status):
		return broken
	case status == http.StatusNotFound, status == http.StatusGone:
		c.finder.forget()
	}
	return unknown
}

// read reads the body of an answer. Where signed answers were asked for, another
// one is nobody's (RFC 9701 8.1: no downgrade).
func (c *Client) read(ctx context.Context, body []byte, sent time.Time) (Answer, error) {
	text := string(body)
	if c.config.Signed {
		var err error
		if text, err = c.server.Verify(ctx, text, c.config.SignedAudiences, sent); err != nil {
			var own *Error
			if errors.As(err, &own) {
				e := *own // who made it may keep it
				return Answer{}, &e
			}
			return Answer{}, &Error{Kind: Malformed, Detail: err.Error()}
		}
	}
	active, err := readActive(text)
	if err != nil {
		return Answer{}, &Error{Kind: Malformed, Detail: "the answer: " + err.Error()}
	}
	return Answer{Active: active, Text: text, SentAt: sent}, nil
}
