package validator

import (
	"crypto/sha256"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
)

// tokenStatus is where the status of a token is published, apart from the token:
// draft-ietf-oauth-status-list 6.
type tokenStatus struct {
	uri   string
	index uint64
	list  [sha256.Size]byte // of iss and uri
}

var (
	statusNames     = jose.NewNames("status_list")
	statusListNames = jose.NewNames("idx", "uri")
)

// statusIsKnown finds out where the token's status is. A token whose status we cannot
// look at may be revoked. It is fetched, from where the token says, only once the
// issuer has vouched for that by its signature.
func statusIsKnown(c *candidate) *failure {
	if c.claims.status == "" {
		return nil
	}
	said, f := readNamed(c.claims.status, statusNames)
	if f != nil {
		return f
	}
	text, there := said["status_list"]
	switch {
	case !there && c.issuer.allowUnknownStatus:
		return nil
	case !there:
		return failed(ReasonStatusUnknown, "a status_list (or AllowUnknownStatus)", "another mechanism")
	}
	list, f := readNamed(text, statusListNames)
	if f != nil {
		return f
	}
	uri := list.text("uri")
	index, err := strconv.ParseUint(list["idx"], 10, 64)
	if uri == "" || len(uri) > maxStatusURI || err != nil {
		return failed(ReasonMalformedClaims, "a status_list with idx and uri", "something else")
	}
	if !c.issuer.publishesAt(uri) {
		return failed(ReasonStatusUnknown, "a list at the issuer's host (or one of StatusListHosts)", uri)
	}
	c.status = &tokenStatus{strings.Clone(uri), index, listDigest(c.claims.issuer, uri)}
	return nil
}

// listDigest identifies a list of an issuer: one of Entra ID's tenants has lists of its
// own, although it is configured together with all others.
func listDigest(iss, uri string) [sha256.Size]byte { return sha256.Sum256([]byte(iss + "\x00" + uri)) }

// maxStatusURI is the longest address of a list, in bytes.
const maxStatusURI = 2048

// publishesAt reports whether the issuer's status lists may be there: who fetches
// what a token names would else ask whatever an issuer that was broken into wants.
func (is *issuer) publishesAt(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil {
		return false
	}
	own, err := url.Parse(is.url)
	return err == nil && strings.EqualFold(u.Host, own.Host) ||
		slices.ContainsFunc(is.statusListHosts, func(host string) bool { return strings.EqualFold(host, u.Host) })
}

// checkStatus reports the mistakes in where an issuer's status lists may be.
func (is *Issuer) checkStatus(m *mistakes, field string, insecureHTTP bool) {
	for _, host := range is.StatusListHosts {
		u, err := url.Parse("https://" + host)
		if err != nil || u.Host != host || remote.CheckURL(u, insecureHTTP) != nil {
			m.add(field+".StatusListHosts", "%q is not a host, or a host and port", host)
		}
	}
}

// listed is a status list as its token says it: draft-ietf-oauth-status-list 5.1.
type listed struct {
	issuer, subject  string
	issuedAt, expiry numericDate
	ttl              float64 // seconds; 0: absent
	list             further
	signer           signer
}

var listedNames = jose.NewNames("iss", "sub", "iat", "exp", "ttl", "status_list")

func readListed(payload string) (l listed, f *failure) {
	l.issuedAt, l.expiry = absent, absent
	o, err := jose.ReadSegment(payload, listedNames)
	if err != nil {
		return l, failed(ReasonMalformedToken, "a canonical payload", err.Error())
	}
	defer o.Close()
	for o.Next() {
		switch o.Name() {
		case "iss":
			l.issuer = o.String()
		case "sub":
			l.subject = o.String()
		case "iat":
			f = readDate(o, &l.issuedAt, true)
		case "exp":
			f = readDate(o, &l.expiry, false)
		case "ttl":
			if json.Unmarshal([]byte(o.Number()), &l.ttl) != nil || l.ttl <= 0 {
				o.Refuse()
			}
		case "status_list":
			l.list, f = readNamed(o.Object(), jose.NewNames("bits", "lst"))
		}
		if f != nil {
			return l, f
		}
	}
	if err := o.Err(); err != nil {
		return l, failed(ReasonMalformedClaims, "one strict JSON object", err.Error())
	}
	return l, nil
}
