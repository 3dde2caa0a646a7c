// Package peers tells who is at the other end of a connection: one of the proxies that
// a configuration declares, whose headers are believed, or anybody else.
package peers

import (
	"fmt"
	"net/netip"
	"slices"
)

// Set are the addresses of declared proxies.
type Set []netip.Prefix

// Peer is who sent a request over the connection.
type Peer int

const (
	Other    Peer = iota // anybody
	Declared             // in the set
	Unknown              // its address cannot be told: it may be in the set, or not
)

// Of tells who it is from http.Request.RemoteAddr. Of an empty set, nobody is declared,
// and nobody unknown.
func (s Set) Of(remoteAddr string) Peer {
	if len(s) == 0 {
		return Other
	}
	// With a port: what a middleware puts here from X-Forwarded-For usually has none,
	// and is for the sender to choose.
	from, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return Unknown
	}
	// A listener of both families says ::ffff:192.0.2.1 where it means 192.0.2.1. A
	// prefix has no zone, and contains no address that has one.
	address := from.Addr().Unmap().WithZone("")
	if slices.ContainsFunc(s, func(one netip.Prefix) bool { return one.Contains(address) }) {
		return Declared
	}
	return Other
}

// Check calls add for every prefix that is a mistake, with what is wrong with it.
func (s Set) Check(add func(i int, problem string)) {
	for i, prefix := range s {
		if problem := mistake(prefix); problem != "" {
			add(i, problem)
		}
	}
}

func mistake(p netip.Prefix) string {
	switch address := p.Addr(); {
	case !p.IsValid():
		return "is no prefix, such as 192.0.2.1/32"
	case p.Bits() == 0: // then anybody would be believed
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
