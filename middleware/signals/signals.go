package signals

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// maxBody is the longest request that is read: a signal, with its name in a form.
const maxBody = validator.MaxTokenSize + 1<<10

// Events returns a handler that takes in security event tokens by POST (RFC 8935 2):
// one that is good, repeated ones and those that revoke nothing included, is answered
// with 202, one that is not with 400 and the code of RFC 8935 2.4. 503 says that it could
// not be decided, for want of the issuer's keys, and when to send it again. It is safe
// for concurrent use.
func Events(v *validator.Validator) http.Handler {
	return handler(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Language", "en") // of the description (RFC 8935 2.3)
		set, ok := event(w, r)
		if !ok {
			fail(w, failure{Err: "invalid_request", Description: "The request is not the delivery of a security event token"})
			return
		}
		if _, err := v.ReceiveEvent(r.Context(), set); err != nil {
			refuse(w, err, failure{Err: codeOf(err), Description: "The security event token is not acceptable"})
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

// event is the body of a request that delivers one.
func event(w http.ResponseWriter, r *http.Request) (string, bool) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/secevent+jwt" {
		return "", false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	return string(body), err == nil
}

// Logout returns a handler that takes in logout tokens by POST (OpenID Connect
// Back-Channel Logout 1.0 2.5): 200, or 400 and invalid_request. One that comes again is
// 200 too, for its sender may have missed our answer: the session is over. 503 is as with
// Events. It is safe for concurrent use.
func Logout(v *validator.Validator) http.Handler {
	return handler(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		// Of the body, and not of the query, which is in logs. Twice is not once.
		if r.ParseForm() != nil || len(r.PostForm["logout_token"]) != 1 {
			fail(w, failure{Error: "invalid_request", ErrorDescription: "The request does not have one logout_token"})
			return
		}
		if _, err := v.ReceiveLogout(r.Context(), r.PostForm.Get("logout_token")); err != nil {
			refuse(w, err, failure{Error: "invalid_request", ErrorDescription: "The logout token is not acceptable"})
			return
		}
		w.WriteHeader(http.StatusOK)
	})
}

// handler lets only POST through; no answer is for anybody else (Back-Channel Logout
// 1.0 2.8).
func handler(post http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		post(w, r)
	})
}

// failure is the body of a 400: of RFC 8935 2.3, or of RFC 6749 5.2.
type failure struct {
	Err              string `json:"err,omitempty"`
	Description      string `json:"description,omitempty"`
	Error            string `json:"error,omitempty"`
	ErrorDescription string `json:"error_description,omitempty"`
}

func fail(w http.ResponseWriter, f failure) {
	body, _ := json.Marshal(f) // texts
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(body) // a sender that left is told nothing
}

// refuse tells a signal that is not good from one about which nothing was decided: that
// must come again.
func refuse(w http.ResponseWriter, err error, f failure) {
	if errors.Is(err, validator.ErrInvalidToken) {
		fail(w, f)
		return
	}
	wait := 10 * time.Second // when nobody knows
	var e *validator.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	w.WriteHeader(http.StatusServiceUnavailable)
}

// codeOf is the error code of RFC 8935 2.4 that a refusal has.
func codeOf(err error) string {
	var e *validator.Error
	if !errors.As(err, &e) {
		return "invalid_request"
	}
	switch e.Reason {
	case validator.ReasonUnknownIssuer:
		return "invalid_issuer"
	case validator.ReasonAudienceMismatch:
		return "invalid_audience"
	case validator.ReasonUnknownKey, validator.ReasonAlgorithmNotAllowed:
		return "invalid_key"
	case validator.ReasonBadSignature:
		return "authentication_failed"
	}
	return "invalid_request"
}
