// Package baddays measures what becomes of tokens while an authorization server, the
// network or a clock is in trouble, and holds docs/bad-days.md to it.
//
// To add a day, describe it and what it should do to tokens; then
//
//	go test ./internal/baddays -update
//
// writes what was measured into the document. Say there what an owner should do.
package baddays
