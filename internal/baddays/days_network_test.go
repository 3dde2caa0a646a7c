package baddays

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// The bounds of one request, and of one for metadata that is asked at two places.
const patience, twice = remote.Timeout, 2 * remote.Timeout

var (
	hangs      = row{[]outcome{accepted, lost.taking(patience), accepted, lost.taking(twice), accepted, lost.taking(twice)}, 10 * time.Second}
	agedHangs  = row{[]outcome{fetchedAhead, fetchedAhead, lost.taking(patience), lost.taking(patience), lost.taking(patience), lost.taking(twice)}, 10 * time.Second}
	askedHangs = row{[]outcome{introspected.taking(patience), introspected.taking(twice), introspected.taking(twice)}, 10 * time.Second}
)

var networkDays = []day{
	{
		name:  "latency of 3 s",
		begin: func(w *world) { w.road.change(func() { w.road.delay = 3 * time.Second }) },
		keys: row{[]outcome{
			accepted, fetched.taking(3 * time.Second), accepted, fetched.taking(6 * time.Second), accepted, fetched.taking(6 * time.Second),
		}, 0},
		aged: row{[]outcome{
			fetchedAhead, fetchedAhead, fetched.taking(3 * time.Second), fetched.taking(3 * time.Second), fetched.taking(3 * time.Second), fetched.taking(6 * time.Second),
		}, 0},
		asked: row{[]outcome{fetched.taking(3 * time.Second), fetched.taking(6 * time.Second), fetched.taking(6 * time.Second)}, 0},
	},
	{
		name: "no answer", begin: hanging(nothing), end: clearRoad, isIt: isOneOf(context.Canceled),
		keys: hangs, aged: agedHangs, asked: askedHangs,
	},
	{
		name: "no end of the body", begin: hanging(part), end: clearRoad, isIt: isOneOf(context.Canceled),
		keys: hangs,
	},
	{
		name: "cut in mid-body", begin: answering(part, closed), end: clearRoad, isIt: isOneOf(io.ErrUnexpectedEOF),
		keys: outage, aged: agedOutage, asked: askedOutage,
	},
	{
		name: "cut in mid-body, no length announced", begin: answering(unsized, closed), end: clearRoad,
		keys: outage,
	},
	{
		name: "reset", begin: answering(nothing, reset), end: clearRoad, isIt: isOneOf(syscall.ECONNRESET),
		keys: outage, aged: agedOutage, asked: askedOutage,
	},
	{
		name: "reset in mid-body", begin: answering(part, reset), end: clearRoad, isIt: isOneOf(syscall.ECONNRESET),
		keys: outage,
	},
	{
		name: "DNS failure",
		begin: func(w *world) {
			w.road.change(func() { w.road.blocked = &net.DNSError{Err: "no such host", Name: "as.example", IsNotFound: true} })
		},
		end: clearRoad, isIt: isA[*net.DNSError](nil),
		keys: outage, aged: agedOutage, asked: askedOutage,
	},
	{
		name: "certificate of an unknown authority", tls: true,
		begin: presenting(newRoot, asItIs), end: clearRoad, isIt: isA[x509.UnknownAuthorityError](nil),
		keys: outage,
	},
	{
		name: "certificate of another host", tls: true,
		begin: presenting(trustedRoot, func(_ *world, c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} }),
		end:   clearRoad, isIt: isA[x509.HostnameError](nil),
		keys: outage,
	},
	{
		name: "expired certificate", tls: true,
		begin: presenting(trustedRoot, func(w *world, c *x509.Certificate) { c.NotAfter = w.now().Add(-time.Second) }), end: clearRoad,
		isIt: isA(func(e x509.CertificateInvalidError) bool { return e.Reason == x509.Expired }),
		keys: outage, aged: agedOutage, asked: askedOutage,
	},
	{
		name: "renewed certificate", tls: true, begin: presenting(trustedRoot, asItIs),
		keys: fine,
	},
	{
		name: "plain text where TLS should be", tls: true, begin: inPlainText, end: clearRoad, isIt: isA[tls.RecordHeaderError](nil),
		keys: outage,
	},
}
