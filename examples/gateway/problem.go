package main

import (
	"fmt"
	"net/http"
)

// problem answers with a status and nothing else (RFC 9457).
func problem(w http.ResponseWriter, status int) {
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"title":%q,"status":%d}`, http.StatusText(status), status)
}
