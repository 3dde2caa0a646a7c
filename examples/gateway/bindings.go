package main

import (
	"context"
	"net/netip"
	"sync/atomic"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/mtls"
)

// usedProofs are the DPoP proofs that were used. They outlive a reload, and their
// bounds cannot change: they were remembered for so long, and so many of them.
type usedProofs struct {
	dpop.ReplayStore
	bounds
	shared *rediscache.Replays // the store, if it is in Redis
	ready  atomic.Bool         // it was, once
}

type bounds struct {
	window         duration
	proofs, perKey int
	shared         bool
}

// proofs verifies DPoP proofs (RFC 9449); nil: the file has none accepted.
func (g *gateway) proofs() *dpop.Verifier {
	part, before := g.DPoP, len(g.faults)
	switch {
	case part == nil && g.PublicOrigin != "":
		g.fault("public_origin", "is what dpop is for, and there is no dpop")
		return nil
	case part == nil:
		return nil
	case g.PublicOrigin == "":
		g.fault("public_origin", "is required with dpop")
	}
	nonces := g.nonces(part.Nonces)
	g.remember(part)
	if len(g.faults) > before {
		return nil
	}
	verifier, err := dpop.New(dpop.Config{
		Origins: []string{g.PublicOrigin}, InsecureAllowHTTP: g.InsecureAllowHTTP,
		Algorithms: part.Algorithms, Window: part.Window.or(0), Replays: g.used, Nonces: nonces,
	})
	g.blame(err, inTable(map[string]string{ // #nosec G101 -- names of fields
		"Origins[0]": "public_origin", "Algorithms": "dpop.algorithms", "Window": "dpop.window",
		"Nonces.Secret": "dpop.nonces.secret_file", "Nonces.Previous": "dpop.nonces.previous_secret_file", "Nonces.Lifetime": "dpop.nonces.lifetime",
	}))
	if !part.Enabled {
		return nil
	}
	return verifier
}

// remember makes the store of used proofs, unless there is one from before a reload.
func (g *gateway) remember(part *dpopPart) {
	g.positive("dpop.window", part.Window)
	own := bounds{
		duration(part.Window.or(dpop.DefaultWindow)),
		g.atLeastOne("dpop.max_proofs", part.MaxProofs, dpop.DefaultCapacity),
		g.atLeastOne("dpop.max_proofs_per_key", part.MaxProofsPerKey, dpop.DefaultPerKey),
		g.fleet != nil && g.fleet.UsedProofs,
	}
	if own.shared && part.MaxProofs != nil {
		g.fault("dpop.max_proofs", "is for this process: with redis.used_proofs, the memory of Redis is the bound")
	}
	switch {
	case g.used != nil && g.used.bounds.shared != own.shared:
		g.fault("redis.used_proofs", "cannot change while the gateway runs: restart it")
	case g.used != nil && g.used.bounds != own:
		g.fault("dpop", "window, max_proofs and max_proofs_per_key cannot change while the gateway runs: restart it")
	case g.used != nil:
	case own.shared && len(g.faults) > 0: // nothing will be asked of it
		g.used = &usedProofs{bounds: own}
	case own.shared:
		replays, err := rediscache.NewReplays(rediscache.ReplaysConfig{
			Client: g.fleet.link, Prefix: g.fleet.Prefix, Window: part.Window.or(0), MaxSkew: g.fleet.MaxSkew.or(0),
			PerKey: own.perKey, Timeout: g.fleet.Timeout.or(0),
		})
		g.blame(err, inTable(map[string]string{"Prefix": "redis.prefix", "Window": "dpop.window"}))
		g.used = &usedProofs{ReplayStore: replays, bounds: own, shared: replays}
	default:
		memory, _ := dpop.NewMemory(dpop.MemoryConfig{Capacity: own.proofs, PerKey: own.perKey}) // atLeastOne saw both
		g.used = &usedProofs{ReplayStore: memory, bounds: own}
	}
}

// began returns nil once a proof could be accepted, and then always: a Redis that began
// anew has proofs refused, and no other requests.
func (u *usedProofs) began(ctx context.Context) error {
	if u == nil || u.shared == nil || u.ready.Load() {
		return nil
	}
	err := u.shared.Ready(ctx)
	if err == nil {
		u.ready.Store(true)
	}
	return err
}

// atLeastOne is a number, or what applies if it was not there.
func (c *config) atLeastOne(field string, n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	if *n < 1 {
		c.fault(field, "must be at least 1: leave it out if it does not matter")
	}
	return max(*n, 1)
}

// nonces reads the secrets: now, and again with the file.
func (c *config) nonces(part *noncesPart) *dpop.Nonces {
	if part == nil {
		return nil
	}
	c.positive("dpop.nonces.lifetime", part.Lifetime)
	secret, err := readSecret(c.resolve(part.SecretFile))
	c.found("dpop.nonces.secret_file", err)
	nonces := &dpop.Nonces{Secret: []byte(secret), Lifetime: part.Lifetime.or(0)}
	if part.PreviousSecretFile != "" {
		previous, err := readSecret(c.resolve(part.PreviousSecretFile))
		c.found("dpop.nonces.previous_secret_file", err)
		nonces.Previous = []byte(previous)
	}
	return nonces
}

// mutualTLS finds clients' certificates (RFC 8705); nil: they do not count.
func (c *config) mutualTLS() *mtls.Verifier {
	part := c.ClientCertificate
	switch {
	case part == nil:
		return nil
	case !part.Request && len(part.TrustedProxies) == 0:
		c.fault("client_certificate", "says of no certificate: request them, or name trusted_proxies")
		return nil
	}
	prefixes := make([]netip.Prefix, len(part.TrustedProxies))
	for i, text := range part.TrustedProxies {
		prefixes[i], _ = netip.ParsePrefix(text) // the zero one is a mistake too
	}
	verifier, err := mtls.New(mtls.Config{TrustedProxies: prefixes})
	c.blame(err, inTable(map[string]string{"TrustedProxies": "client_certificate.trusted_proxies"}))
	return verifier
}
