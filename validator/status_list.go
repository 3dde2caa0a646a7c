package validator

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
)

// Bounds of status lists.
const (
	// maxStatusLists are kept at a time, of all issuers.
	maxStatusLists = 64
	// maxStatusBytes is the longest list, after decompression: eight million tokens that
	// are valid or not.
	maxStatusBytes = 1 << 20
	// statusTTL is how long a list is kept that does not say; maxStatusTTL how long at
	// most.
	statusTTL    = 5 * time.Minute
	maxStatusTTL = 24 * time.Hour
	// statusRetry is how long a list that could not be had is not asked for again.
	statusRetry = 5 * time.Second
)

// statusList is a list as it is kept, or why there is none.
type statusList struct {
	bits     uint64 // of each status: 1, 2, 4 or 8
	statuses []byte
	refusal  *Error // then there is nothing else
	signer   signer
}

// signer is the key of a list, and what it was asked for.
type signer struct {
	key            *jwks.Key
	kid, algorithm string
}

// keptStatuses is the list that a token names, if there is one. A withdrawn key vouches
// for a list no longer than for a token.
func (v *Validator) keptStatuses(t *facts) (*statusList, bool) {
	list := v.statuses.Get(t.status.list, v.clock())
	return list, list != nil && (list.refusal != nil || list.signer.key.TrustedFor(list.signer.kid, list.signer.algorithm))
}

// checkStatus looks at the token's status, if it has one: on every hit as on a miss, so that
// it counts as soon as the list is read again. It reports whether it had to wait for that.
func (v *Validator) checkStatus(ctx context.Context, t *facts) (waited bool, refusal *Error) {
	list, ok := v.keptStatuses(t)
	waited = !ok
	if !ok {
		var err error
		list, err = v.statusFlights.Do(ctx, t.status.list, remote.Errand[*statusList]{
			Timeout: askTimeout,
			Known:   func() (*statusList, bool) { return v.keptStatuses(t) },
			Work:    func(ctx context.Context) (*statusList, error) { return v.fetchStatuses(ctx, t), nil },
			Waited:  v.witness.waiting(ctx, t.issuer.name, WaitStatusList, v.clock),
		})
		switch {
		case err != nil && ctx.Err() != nil:
			return waited, callerLeft(ctx)
		case err != nil:
			return waited, verified(refuse(ReasonStatusUnavailable, "the fetch ended without a list: it panicked, or took too long"))
		}
	}
	return waited, list.judge(t.status.index)
}

// judge is what the status of a token is worth (draft-ietf-oauth-status-list 7.1).
func (l *statusList) judge(index uint64) *Error {
	if l.refusal != nil {
		e := *l.refusal
		return verified(&e)
	}
	each := 8 / l.bits
	if index/each >= uint64(len(l.statuses)) {
		return verified(refuse(ReasonStatusUnknown, fmt.Sprintf("status: idx %d is beyond the list", index)))
	}
	status := l.statuses[index/each] >> (index % each * l.bits) & (1<<l.bits - 1)
	switch status {
	case 0: // VALID
		return nil
	case 1: // INVALID
		return verified(refuse(ReasonRevoked, "by its status list"))
	case 2: // SUSPENDED
		return verified(refuse(ReasonSuspended, "by its status list"))
	}
	return verified(refuse(ReasonStatusUnknown, fmt.Sprintf("status: %d means nothing here", status)))
}

// fetchStatuses fetches the list that a token names, and keeps it, or that it cannot be
// had, for a while.
func (v *Validator) fetchStatuses(ctx context.Context, t *facts) *statusList {
	began := v.clock()
	list, until, err := v.readStatuses(ctx, t, began)
	if err != nil {
		e := refuse(ReasonStatusUnavailable, "status list: "+err.Error())
		e.RetryAfter = statusRetry
		var failed *remote.Error
		if errors.As(err, &failed) {
			e.RetryAfter = max(e.RetryAfter, failed.RetryAfter)
		}
		list, until = &statusList{refusal: e}, v.clock().Add(e.RetryAfter)
	}
	v.statuses.Put(t.status.list, *list, until)
	v.witness.statusFetch(StatusFetch{t.issuer.name, list.refusal, v.clock().Sub(began), remote.FlightOf(ctx)})
	return list
}

func (v *Validator) readStatuses(ctx context.Context, t *facts, began time.Time) (*statusList, time.Time, error) {
	document, err := v.statusClient.GetAs(ctx, t.status.uri, "application/statuslist+jwt")
	if err != nil {
		return nil, began, err
	}
	l, err := v.verifyStatuses(ctx, t, strings.TrimSpace(string(document.Body)))
	if err != nil {
		return nil, began, err
	}
	list, err := l.unpack()
	return list, l.until(began, v.leeway), err
}

// verifyStatuses verifies a status list token (draft-ietf-oauth-status-list 8.3): it is
// one (typ), it is the one that was asked for (sub), and the token's own issuer signed
// it. iss is not required; another one is another issuer's.
func (v *Validator) verifyStatuses(ctx context.Context, t *facts, text string) (*listed, error) {
	compact, ok := jose.Cut(text)
	if !ok || !jose.InAlphabet(text) {
		return nil, errors.New("not a JWS")
	}
	header, e := readHeader(compact)
	if e != nil {
		return nil, errors.New(string(e.Reason))
	}
	if typ := normalType(header.Type); typ != "statuslist+jwt" {
		return nil, fmt.Errorf("typ is not statuslist+jwt, but %.100q", typ)
	}
	c := &candidate{issuer: t.issuer, header: header, claims: claims{issuer: t.iss}}
	if f := algorithmAllowed(c); f != nil {
		return nil, fmt.Errorf("alg %.20q is not allowed", header.Alg)
	}
	l, f := readListed(compact.Payload)
	if f != nil {
		return nil, errors.New(f.error().Detail)
	}
	now := dateOf(v.clock())
	switch {
	case l.issuer != "" && l.issuer != t.iss:
		return nil, errors.New("iss is another issuer")
	case l.subject != t.status.uri:
		return nil, errors.New("sub is the address of another list")
	case l.issuedAt == absent || l.issuedAt > now.plus(v.leeway):
		return nil, errors.New("iat is missing, or to come")
	case l.expiry != absent && now >= l.expiry.plus(v.leeway):
		return nil, errors.New("it has expired")
	}
	key, e := c.verify(ctx, compact)
	if e != nil {
		return nil, errors.New(string(e.Reason))
	}
	l.signer = signer{key, strings.Clone(header.KeyID), header.Alg}
	return &l, nil
}

// until is how long a list is kept: by its ttl from when it was asked for, and not
// beyond its exp.
func (l *listed) until(began time.Time, leeway time.Duration) time.Time {
	ttl := statusTTL
	if l.ttl > 0 {
		// A list that is to be kept for no time would be fetched for every request.
		ttl = max(time.Duration(min(l.ttl, maxStatusTTL.Seconds())*float64(time.Second)), statusRetry)
	}
	until := began.Add(ttl)
	if ends := l.expiry.plus(leeway).time(); l.expiry != absent && ends.Before(until) {
		return ends
	}
	return until
}

// unpack decompresses the statuses (draft-ietf-oauth-status-list 4.1): never more than
// maxStatusBytes, whatever they become.
func (l *listed) unpack() (*statusList, error) {
	bits := map[string]uint64{"1": 1, "2": 2, "4": 4, "8": 8}[l.list["bits"]]
	if bits == 0 {
		return nil, errors.New("it has no status_list with bits")
	}
	packed, err := jose.AppendSegment(nil, l.list.text("lst"))
	if err != nil {
		return nil, errors.New("it has no lst, or one that is not base64url")
	}
	reader, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errors.New("lst is not compressed")
	}
	defer reader.Close()
	statuses, err := io.ReadAll(io.LimitReader(reader, maxStatusBytes+1))
	switch {
	case err != nil:
		return nil, errors.New("lst is not compressed")
	case len(statuses) > maxStatusBytes:
		return nil, fmt.Errorf("lst is longer than %d bytes", maxStatusBytes)
	}
	return &statusList{bits: bits, statuses: bytes.Clone(statuses), signer: l.signer}, nil // and nothing of what ReadAll has spare
}
