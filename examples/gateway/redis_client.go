package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"

	"github.com/redis/go-redis/v9"
)

// redisServer is which Redis there is, and how we come to it: another one is another client.
// What is read whenever we connect is a path here, and what is read now its text.
type redisServer struct {
	addresses                          []string
	cluster                            bool
	master, sentinelUser, sentinelPass string
	tls                                bool
	ca                                 string
	certFile, keyFile                  string
	user, passwordFile                 string
}

// redisAt is what the file says of it.
func (c *config) redisAt() redisServer {
	part := c.Redis
	c.checkRedisAddresses(part)
	c.checkRedisTLS(part)
	c.belongs("redis.user", part.User, "redis.password_file", part.PasswordFile)
	c.belongs("redis.sentinel_user", part.SentinelUser, "redis.sentinel_password_file", part.SentinelPasswordFile)
	c.belongs("redis.sentinel_password_file", part.SentinelPasswordFile, "redis.sentinel_master", part.SentinelMaster)
	return redisServer{
		addresses: part.Addresses, cluster: part.Cluster, master: part.SentinelMaster,
		sentinelUser: part.SentinelUser, sentinelPass: c.redisSecret("redis.sentinel_password_file", part.SentinelPasswordFile),
		tls: part.TLS, ca: c.redisCA(part.CAFile), certFile: c.optional(part.CertFile), keyFile: c.optional(part.KeyFile),
		user: part.User, passwordFile: c.redisPassword(part.PasswordFile),
	}
}

// belongs refuses a field without the one that it belongs to.
func (c *config) belongs(field, value, to, other string) {
	if value != "" && other == "" {
		c.fault(field, "needs "+to)
	}
}

func (c *config) checkRedisAddresses(part *redisPart) {
	for i, address := range part.Addresses {
		field := fmt.Sprintf("redis.addresses[%d]", i)
		host, _, err := net.SplitHostPort(address)
		switch {
		case err != nil || host == "":
			c.fault(field, "must be a host and a port, such as redis.internal:6379")
		case slices.Index(part.Addresses, address) < i:
			c.fault(field, "is there twice")
		case !part.TLS && !part.InsecurePlaintext && !loopback(host):
			// Whoever is on the way could say that no proof was used and nothing revoked.
			c.fault(field, "is on another machine: say tls, or insecure_plaintext")
		}
	}
	switch {
	case part.Cluster && part.SentinelMaster != "":
		c.fault("redis.cluster", "does not belong to sentinel_master: sentinels watch no cluster")
	case len(part.Addresses) > 1 && !part.Cluster && part.SentinelMaster == "":
		c.fault("redis.addresses", "are several: say cluster, or sentinel_master")
	case part.TLS && part.InsecurePlaintext:
		c.fault("redis.insecure_plaintext", "says that there is no TLS, and tls that there is")
	}
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

func (c *config) checkRedisTLS(part *redisPart) {
	for field, path := range map[string]string{"redis.ca_file": part.CAFile, "redis.cert_file": part.CertFile, "redis.key_file": part.KeyFile} {
		if path != "" && !part.TLS {
			c.fault(field, "needs redis.tls")
		}
	}
	c.belongs("redis.cert_file", part.CertFile, "redis.key_file", part.KeyFile)
	c.belongs("redis.key_file", part.KeyFile, "redis.cert_file", part.CertFile)
	if part.CertFile != "" && part.KeyFile != "" {
		_, err := readPair(c.resolve(part.CertFile), c.resolve(part.KeyFile))
		c.found("redis.cert_file", err)
	}
}

// redisCA is the text of certificates by which Redis is trusted; empty: the system's.
func (c *config) redisCA(path string) string {
	if path == "" {
		return ""
	}
	text, err := readFile(c.resolve(path))
	c.found("redis.ca_file", err)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
		c.fault("redis.ca_file", "there is no certificate in PEM in it")
	}
	return string(text)
}

// redisSecret reads a secret now.
func (c *config) redisSecret(field, path string) string {
	if path == "" {
		return ""
	}
	secret, err := readSecret(c.resolve(path))
	c.found(field, err)
	return secret
}

// redisPassword is read whenever we connect, and once now.
func (c *config) redisPassword(path string) string {
	c.redisSecret("redis.password_file", path)
	return c.optional(path)
}

// optional is resolve of a path that may not be there.
func (c *config) optional(path string) string {
	if path == "" {
		return ""
	}
	return c.resolve(path)
}

// client makes a new one. It does not connect yet.
func (s redisServer) client() redis.UniversalClient {
	o := &redis.UniversalOptions{
		Addrs: s.addresses, IsClusterMode: s.cluster,
		MasterName: s.master, SentinelUsername: s.sentinelUser, SentinelPassword: s.sentinelPass,
		TLSConfig:             s.secure(),
		ContextTimeoutEnabled: true, // or a Redis that does not answer holds requests for longer than they wait
		DialerRetries:         1,    // or one that is not there does
	}
	if s.passwordFile != "" {
		o.CredentialsProviderContext = func(context.Context) (user, password string, err error) {
			password, err = readSecret(s.passwordFile)
			return s.user, password, err
		}
	}
	return redis.NewUniversalClient(o)
}

func (s redisServer) secure() *tls.Config {
	if !s.tls {
		return nil
	}
	secure := new(tls.Config)
	if s.ca != "" {
		secure.RootCAs = x509.NewCertPool()
		secure.RootCAs.AppendCertsFromPEM([]byte(s.ca))
	}
	if s.certFile != "" {
		secure.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return readPair(s.certFile, s.keyFile)
		}
	}
	return secure
}

// redisLog is where the client tells of its connections.
type redisLog struct{ *slog.Logger }

// Printf implements what redis.SetLogger wants.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.WarnContext(ctx, "redis", "said", fmt.Sprintf(format, args...))
}
