package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// What is configured, and what the verdicts depend on.
const (
	lifetime       = time.Minute     // of tokens
	refillInterval = 2 * time.Second // Issuer.KeyRefreshInterval
	keysAge        = 10 * time.Second
	answerAge      = 2 * time.Second       // Issuer.IntrospectionMaxAge
	askTimeout     = introspect.MaxTimeout // a machine so busy that an answer takes longer has no outage that we know of
	slowest        = 2 * time.Second       // what a busy machine may take beyond all that is configured
	longestPause   = 10 * time.Second      // of the backoff for keys, and of the circuit for introspection
	maxClients     = introspect.DefaultMaxInFlight
	cacheSize      = 2048

	clientID = "soak"
	opaque   = "at_"
)

// hooks are for tests.
type hooks struct {
	wrap func(http.Handler) http.Handler // puts a fault in, to see that it is noticed; may be nil
	seen func(class, problem string)     // is told of every answer that was judged; may be nil
	rest func(samples int)               // is told of every sample; may be nil
}

// world is the API, those whom it trusts, and what is known of both.
type world struct {
	// keyed signs JWTs by keys that rotate; asked has opaque tokens; hostile is where the
	// corpus is from, whose keys stay.
	keyed, asked, hostile *validatortest.Server

	api              *api
	wrap             func(http.Handler) http.Handler
	config           validator.Config
	revocations      *validator.Revocations
	validator        atomic.Pointer[validator.Validator]
	plain, certified *http.Client
	thumbprint       string // of the certificate of certified

	noKeys, noAnswers outage
	rotation          rotation
	tokens            tokens
	bad               badTokens
}

func newWorld(o options) (w *world, err error) {
	w = &world{
		wrap:      o.hooks.wrap,
		noKeys:    outage{tail: longestPause + refillInterval + slowest},
		noAnswers: outage{tail: longestPause + askTimeout + slowest},
	}
	if w.wrap == nil {
		w.wrap = func(h http.Handler) http.Handler { return h }
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	for server, options := range map[**validatortest.Server]validatortest.Options{
		&w.keyed:   {Lifetime: lifetime},
		&w.asked:   {Lifetime: lifetime, OpaquePrefix: opaque, Algorithm: "ES256"},
		&w.hostile: {},
	} {
		if *server, err = validatortest.Start(options); err != nil {
			return w, err
		}
	}
	w.asked.AddClient("api", "secret")
	if err = w.connect(); err != nil {
		return w, err
	}
	w.bad.renew(w)
	w.rotation.begin(w.keyed)
	if w.revocations, err = validator.NewRevocations(validator.RevocationsConfig{}); err != nil {
		return w, err
	}
	w.config = w.configuration()
	v, err := validator.New(w.config)
	if err != nil {
		return w, err
	}
	w.tokens.begin(w)
	return w, w.use(v)
}

// connect starts the API and the clients.
func (w *world) connect() error {
	server, err := certificate("127.0.0.1")
	if err != nil {
		return err
	}
	own, err := certificate("client")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(own.Certificate[0])
	w.thumbprint = base64.RawURLEncoding.EncodeToString(sum[:])
	if w.api, err = startAPI(server); err != nil {
		return err
	}
	w.plain, w.certified = newClient(server), newClient(server, own)
	return nil
}

func (w *world) configuration() validator.Config {
	issuer := func(name string, s *validatortest.Server) validator.Issuer {
		return validator.Issuer{Name: name, URL: s.Issuer(), Audiences: []string{"api://default"}, AnyClient: true, MaxTokenLifetime: lifetime}
	}
	keyed, asked, hostile := issuer("keyed", w.keyed), issuer("asked", w.asked), issuer("hostile", w.hostile)
	keyed.KeyRefreshInterval, keyed.KeyMaxAge = refillInterval, keysAge
	keyed.LogoutClientIDs, keyed.EventAudiences = []string{clientID}, []string{clientID}
	asked.OpaqueOnly, asked.IntrospectionMaxAge = true, answerAge
	asked.Introspection = &introspect.Config{
		Endpoint: w.asked.IntrospectionURL(), Timeout: askTimeout, Format: introspect.Format{Prefix: opaque},
		Auth: introspect.ClientSecretBasic("api", introspect.StaticSecret("secret")),
	}
	hostile.Profile = validator.RFC9068()
	hostile.AnyClient, hostile.ClientIDs, hostile.Algorithms = false, []string{clientID}, w.hostile.Algorithms()
	hostile.MaxTokenLifetime = 100 * 365 * 24 * time.Hour
	return validator.Config{
		Issuers: []validator.Issuer{keyed, asked, hostile}, CacheSize: cacheSize,
		Revocations: w.revocations, InsecureAllowHTTP: true,
	}
}

// use serves by another validator from the next request on.
func (w *world) use(v *validator.Validator) error {
	w.validator.Store(v)
	return w.api.use(v, w.wrap)
}

// reload makes a new validator of the same configuration, as a service does on SIGHUP.
func (w *world) reload() error {
	v, err := w.validator.Load().WithConfig(w.config)
	if err != nil {
		return err
	}
	return w.use(v)
}

// newClient keeps as many connections as there are requests at once.
func newClient(server tls.Certificate, own ...tls.Certificate) *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: pool(server), Certificates: own},
			MaxIdleConnsPerHost: maxClients,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// hangUp closes the connections that are not in use.
func (w *world) hangUp() {
	for _, c := range []*http.Client{w.plain, w.certified} {
		if c != nil {
			c.CloseIdleConnections()
		}
	}
}

// close ends everything and leaves no goroutine.
func (w *world) close() {
	w.hangUp()
	if w.api != nil {
		w.api.close()
	}
	for _, s := range []*validatortest.Server{w.keyed, w.asked, w.hostile} {
		if s != nil {
			s.Close()
		}
	}
}
