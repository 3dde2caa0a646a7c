package peers_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/internal/peers"
)

func TestPeerIsToldByItsAddress(t *testing.T) {
	set := peers.Set{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for address, want := range map[string]peers.Peer{
		"192.0.2.7:1234":           peers.Declared,
		"[::ffff:192.0.2.7]:1234":  peers.Declared,
		"[2001:db8::1]:1234":       peers.Declared,
		"[2001:db8::1%eth0]:1234":  peers.Declared,
		"192.0.3.7:1234":           peers.Other,
		"[2001:db9::1]:1234":       peers.Other,
		"[::ffff:192.0.3.7]:1234":  peers.Other,
		"192.0.2.7":                peers.Unknown,
		"":                         peers.Unknown,
		"@":                        peers.Unknown,
		"192.0.2.7:1234, 10.0.0.1": peers.Unknown,
	} {
		assert.Equal(t, want, set.Of(address), address)
		assert.Equal(t, peers.Other, peers.Set{}.Of(address), address)
	}
}

func TestPrefixThatIsAMistake(t *testing.T) {
	for text, good := range map[string]bool{
		"192.0.2.1/32":           true,
		"192.0.2.0/24":           true,
		"2001:db8::/32":          true,
		"fc00::/7":               true,
		"169.254.0.0/16":         true, // link-local too, but without zones
		"0.0.0.0/0":              false,
		"::/0":                   false,
		"192.0.2.1/24":           false,
		"2001:db8::1/32":         false,
		"::ffff:192.0.2.0/120":   false,
		"fe80::/10":              false,
		"fe80::1/128":            false,
		"":                       false,
		"::ffff:192.0.2.128/121": false,
	} {
		prefix, _ := netip.ParsePrefix(text) // the zero Prefix, if it is none
		var at []int
		peers.Set{netip.MustParsePrefix("10.0.0.0/8"), prefix}.Check(func(i int, problem string) {
			at = append(at, i)
			assert.NotEmpty(t, problem)
		})
		if good {
			assert.Empty(t, at, text)
		} else {
			assert.Equal(t, []int{1}, at, text)
		}
	}
}
