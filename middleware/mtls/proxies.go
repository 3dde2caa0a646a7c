package mtls

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bearerguard/bearerguard/validator"
)

// Config is what a Verifier believes beyond TLS. The zero value is nothing: only the
// connection's own certificate counts.
type Config struct {
	// TrustedProxies are the addresses of the proxies that end TLS in front of this
	// server and say in the Client-Cert header which certificate the client showed
	// them (RFC 9440). Each must remove that header from what clients send. Whoever can
	// connect from one of these addresses can show any certificate, so list the
	// proxies, and no network that others are in. What they connect with is not a
	// client's certificate any more, header or not. Default: none.
	//
	// They are compared with http.Request.RemoteAddr as the server set it. A middleware
	// that changes it goes inside of this one: where it holds no address and port, it
	// cannot be told who sent the request, and no certificate counts.
	TrustedProxies []netip.Prefix
}

// proxies are the declared ones. Empty: there are none.
type proxies []netip.Prefix

// peer is who sent a request over the connection.
type peer int

const (
	client  peer = iota // everybody who is no proxy
	proxy               // a declared one
	unknown             // there are proxies, and it may be one of them
)

// peer tells who it is from http.Request.RemoteAddr.
func (p proxies) peer(remoteAddr string) peer {
	if len(p) == 0 {
		return client
	}
	// With a port: what a middleware puts here from X-Forwarded-For usually has none,
	// and is for the sender to choose.
	from, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return unknown
	}
	// A listener of both families says ::ffff:192.0.2.1 where it means 192.0.2.1. A
	// prefix has no zone, and contains no address that has one.
	address := from.Addr().Unmap().WithZone("")
	if slices.ContainsFunc(p, func(one netip.Prefix) bool { return one.Contains(address) }) {
		return proxy
	}
	return client
}

// newProxies is a copy of the prefixes. The error joins every mistake.
func newProxies(prefixes []netip.Prefix) (proxies, error) {
	var mistakes []error
	for i, one := range prefixes {
		if problem := mistake(one); problem != "" {
			mistakes = append(mistakes, &validator.ConfigError{Field: fmt.Sprintf("TrustedProxies[%d]", i), Problem: problem})
		}
	}
	return slices.Clone(prefixes), errors.Join(mistakes...)
}

// mistake is what is wrong with a prefix.
func mistake(p netip.Prefix) string {
	switch address := p.Addr(); {
	case !p.IsValid():
		return "is no prefix, such as 192.0.2.1/32"
	case p.Bits() == 0: // then anybody could show any certificate (RFC 9440 4)
		return "is everybody: " + p.String()
	case address.Is4In6(): // would match nobody, for such addresses are taken for the IPv4 that they are
		return "must be written as IPv4: " + p.String()
	case address.Is6() && address.IsLinkLocalUnicast(): // the same address is another host on another interface (RFC 4007)
		return "is link-local, and means nothing without an interface: " + p.String()
	case p != p.Masked():
		return fmt.Sprintf("has bits beyond its length: %s is one address, %s the network", netip.PrefixFrom(address, address.BitLen()), p.Masked())
	}
	return ""
}
