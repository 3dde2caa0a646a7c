package validator

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// subjectReader turns subject identifiers (RFC 9493) of an issuer's event into what they
// revoke.
type subjectReader struct {
	issuer string // iss of the SET
	// opaqueIsSession: an identifier of no format is a session, else a user.
	opaqueIsSession bool
}

// subjectNames are what is read of a subject. Google's RISC has subject_type.
var subjectNames = jose.NewNames("format", "subject_type", "iss", "sub", "id", "jti", "identifiers", "user", "session")

// read returns what a subject revokes: nothing, if no token names it like that. A
// subject of a known format without what belongs to it is malformed.
func (r subjectReader) read(text string) ([]Revocation, *failure) {
	said, f := readNamed(text, subjectNames)
	if f != nil {
		return nil, f
	}
	format := said.text("format")
	if format == "" {
		format = strings.ReplaceAll(said.text("subject_type"), "-", "_")
	}
	_, user := said["user"]
	_, session := said["session"]
	switch {
	case format == "complex", format == "" && (user || session):
		return r.complex(said)
	case format == "":
		return nil, failed(ReasonMalformedClaims, "a subject with a format", "none")
	case format == "aliases":
		return r.aliases(said["identifiers"])
	}
	return r.simple(format, said)
}

// simple reads the formats that tokens have something of. All others (email,
// phone_number, account, did, uri) are of nobody that a token names.
func (r subjectReader) simple(format string, said further) ([]Revocation, *failure) {
	x := Revocation{Issuer: r.issuer}
	var value string
	switch format {
	case "iss_sub": // RFC 9493 3.2.3
		value = said.text("sub")
		x.Subject = value
	case "jwt_id": // Shared Signals 1.0
		value = said.text("jti")
		x.TokenID = value
	case "opaque": // RFC 9493 3.2.4
		value = said.text("id")
		if r.opaqueIsSession {
			x.Session = value
		} else {
			x.Subject = value
		}
	default:
		return nil, nil
	}
	iss := said.text("iss")
	switch {
	case value == "", format != "opaque" && iss == "":
		return nil, failed(ReasonMalformedClaims, "all that a subject of format "+format+" has", "less")
	case format != "opaque" && iss != r.issuer:
		return nil, nil // an issuer speaks of its own users: nobody else's keys are hers
	}
	return []Revocation{x}, nil
}

// aliases are several names of the same subject (RFC 9493 3.2.8).
func (r subjectReader) aliases(text string) (all []Revocation, f *failure) {
	var list []jsontext.Value
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil, failed(ReasonMalformedClaims, "identifiers, an array of subjects", "something else")
	}
	for _, one := range list {
		said, f := readNamed(string(one), subjectNames)
		if f != nil {
			return nil, f
		}
		found, f := r.simple(said.text("format"), said)
		if f != nil {
			return nil, f
		}
		all = append(all, found...)
	}
	return all, nil
}

// complex is what all of its members say together (Shared Signals 1.0). Members that no
// token has anything of, such as a device, would make it fewer tokens: without them it
// is more, and never too few.
func (r subjectReader) complex(said further) (all []Revocation, f *failure) {
	users, f := r.member(said["user"], false)
	if f != nil {
		return nil, f
	}
	sessions, f := r.member(said["session"], true)
	if f != nil {
		return nil, f
	}
	for _, session := range sessions {
		if session.Session != "" { // else in the form of a user or a token
			all = append(all, session)
		}
	}
	switch {
	case len(users) == 0:
		return sessions, nil // by all of their names: a token need not have each
	case len(all) == 0:
		return users, nil
	}
	// The users' tokens that do not say their session are meant with any of them: not
	// each user with each session, which 16 kB of aliases make 40,000 of. Of a token
	// that is named itself nothing needs to be said besides.
	session := all[0].Session
	for _, user := range users {
		if user.TokenID == "" {
			user.Session = session
		}
		all = append(all, user)
	}
	return all, nil
}

func (r subjectReader) member(text string, session bool) ([]Revocation, *failure) {
	if text == "" {
		return nil, nil
	}
	said, f := readNamed(text, subjectNames)
	if f != nil {
		return nil, f
	}
	r.opaqueIsSession = session
	if said.text("format") == "aliases" {
		return r.aliases(said["identifiers"])
	}
	return r.simple(said.text("format"), said)
}
