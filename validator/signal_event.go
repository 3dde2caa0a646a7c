package validator

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// eventForm is a security event token: RFC 8417, as the Shared Signals Framework uses
// it.
var eventForm = form{
	kind: SignalEvent,
	// The framework requires what RFC 8417 2.3 recommends.
	types:     []string{"secevent+jwt"},
	names:     jose.NewNames("events", "sub_id", "toe"),
	audiences: func(is *issuer) []string { return is.eventAudiences },
	read:      (*signal).readEvents,
}

const (
	caep = "https://schemas.openid.net/secevent/caep/event-type/"
	risc = "https://schemas.openid.net/secevent/risc/event-type/"
)

// revoking are the events after which tokens from before them are not to be trusted,
// and whether a subject that is a mere identifier is a session.
var revoking = map[string]bool{
	caep + "session-revoked":     true,
	caep + "credential-change":   false,
	caep + "token-claims-change": false,
	risc + "account-disabled":    false,
	risc + "account-purged":      false,
	risc + "sessions-revoked":    false,
}

// verifying are the events by which a transmitter, or we, try whether any arrive; the
// second and third are of earlier drafts.
var verifying = map[string]bool{
	"https://schemas.openid.net/secevent/ssf/event-type/verification": true,
	"https://schemas.openid.net/secevent/sse/event-type/verification": true,
	risc + "verification": true,
}

// payloadNames are what is read of an event.
var payloadNames = jose.NewNames("subject", "event_timestamp", "state")

// readEvents finds out what a SET revokes. Several events in one are possible (RFC 8417
// 2.2): each of them counts, and all of them or none.
func (s *signal) readEvents() *failure {
	s.outcome = OutcomeIgnored
	events, f := s.events()
	if f != nil {
		return f
	}
	for _, e := range events {
		if f := s.readEvent(e.uri, e.payload); f != nil {
			return f
		}
	}
	return nil
}

// event is a member of events: its type and what is said about it.
type event struct{ uri, payload string }

// events are those of a signal: at least one, each of them an object (RFC 8417 2.2).
func (s *signal) events() (list []event, f *failure) {
	text, there := s.further["events"]
	if !there {
		return nil, failed(ReasonNotSignal, "claim events", "none")
	}
	o := jose.ReadObject(text, nil)
	defer o.Close()
	for o.Next() {
		list = append(list, event{o.Name(), o.Object()})
	}
	if o.Err() != nil || len(list) == 0 {
		return nil, failed(ReasonMalformedClaims, "events, an object of one or more objects", "something else")
	}
	return list, nil
}

func (s *signal) readEvent(uri, payload string) *failure {
	opaqueIsSession, revokes := revoking[uri]
	if !revokes && !verifying[uri] {
		return nil
	}
	said, f := readNamed(payload, payloadNames)
	switch {
	case f != nil:
		return f
	case !revokes:
		s.outcome, s.state = OutcomeVerification, said.text("state")
		return nil
	}
	at, f := s.timeOf(said)
	if f != nil {
		return f
	}
	s.at = max(s.at, at)
	return s.readSubjects(said, opaqueIsSession)
}

// timeOf is when an event happened: event_timestamp (CAEP, RISC), else toe (RFC 8417
// 2.2), else iat. It cannot have happened after the issuer told of it: what says so, or
// is no date in seconds (drafts had milliseconds), does not count, and iat does, which
// refuses more.
func (s *signal) timeOf(said further) (numericDate, *failure) {
	for _, raw := range []string{said["event_timestamp"], s.further["toe"]} {
		if raw == "" {
			continue
		}
		if kind := jsontext.Value(raw).Kind(); kind != jsontext.KindNumber {
			return 0, failed(ReasonMalformedClaims, "a NumericDate", "something else")
		}
		if at, ok := parseDate(raw); ok && at > 0 && at <= s.claims.issuedAt {
			return at, nil
		}
	}
	return s.claims.issuedAt, nil
}

// readSubjects finds out whom an event is about: sub_id of the SET (Shared Signals 1.0),
// or subject of the event, as earlier drafts and RISC have it. Where there are both,
// both are meant.
func (s *signal) readSubjects(said further, opaqueIsSession bool) *failure {
	there := false
	for _, text := range []string{s.further["sub_id"], said["subject"]} {
		if text == "" {
			continue
		}
		there = true
		list, f := subjectReader{s.claims.issuer, opaqueIsSession}.read(text)
		if f != nil {
			return f
		}
		s.revocations = append(s.revocations, list...)
	}
	if !there {
		return failed(ReasonClaimMissing, "sub_id, or a subject in the event", "none")
	}
	s.outcome = OutcomeUnmatched // unless it revokes something
	return nil
}
