package remote

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// CheckURL holds an address of an authorization server to our rules: absolute,
// https, an ASCII host, no user and no fragment. Plain http needs insecureHTTP and a
// loopback host (RFC 8414 3, RFC 9068 4: keys come over TLS, or they are
// anybody's keys).
func CheckURL(u *url.URL, insecureHTTP bool) error {
	switch {
	case u.Hostname() == "" || u.Opaque != "":
		return errors.New("must be an absolute URL")
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r > '~' }):
		return errors.New("must spell its host in ASCII (punycode)") // others map it in their own ways
	case strings.Contains(u.Host, "*") || strings.HasSuffix(u.Host, ":"):
		return errors.New("must name one host")
	case !goodPort(u.Port()):
		return errors.New("must have a port between 1 and 65535, or none")
	case u.User != nil:
		return errors.New("must not contain user information")
	case u.Fragment != "" || u.RawFragment != "":
		return errors.New("must not contain a fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return errors.New("must be https")
	case !loopback(u.Hostname()):
		return errors.New("must be https")
	case !insecureHTTP:
		return errors.New("must be https (plain http to loopback needs InsecureAllowHTTP)")
	}
	return nil
}

func goodPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && number > 0
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
