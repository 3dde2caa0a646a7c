package main

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// answer is what came back to a request.
type answer struct {
	status       int
	subject      string // whom the API took the sender for; of 200
	challenged   bool   // WWW-Authenticate
	retry        bool   // Retry-After
	err          error  // there was no answer
	began, ended time.Time
}

// allowed is what an answer may be.
type allowed struct {
	statuses []int
	subject  string // that 200 must come with; empty: any
	cut      bool   // the connection may be cut instead
}

func only(statuses ...int) allowed { return allowed{statuses: statuses} }

// accepted is 200 for this subject and nobody else.
func accepted(subject string) allowed {
	return allowed{statuses: []int{http.StatusOK}, subject: subject}
}

// or also allows a status, if so.
func (w allowed) or(so bool, status int) allowed {
	if so {
		w.statuses = append(slices.Clip(w.statuses), status)
	}
	return w
}

// wrong says what is wrong with an answer; empty: nothing.
func (w allowed) wrong(a answer) string {
	switch {
	case a.err != nil && w.cut:
		return ""
	case a.err != nil:
		return "no answer: " + a.err.Error()
	case !slices.Contains(w.statuses, a.status):
		return fmt.Sprintf("%d, where %v is right", a.status, w.statuses)
	case a.status == http.StatusOK && w.subject != "" && a.subject != w.subject:
		return "200 for somebody else"
	case a.status == http.StatusUnauthorized && !a.challenged: // RFC 9110 15.5.2
		return "401 without a challenge"
	case a.status == http.StatusServiceUnavailable && (a.challenged || !a.retry):
		return "503 with a challenge, or without Retry-After"
	}
	return ""
}

// statusOf is how a refusal is answered.
func statusOf(reason validator.Reason) int {
	switch class := validator.NewError(reason, "").Class; class {
	case validator.ErrInvalidRequest:
		return http.StatusBadRequest
	case validator.ErrInsufficientScope:
		return http.StatusForbidden
	case validator.ErrUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusUnauthorized
}
