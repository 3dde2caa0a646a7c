package validator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/jwks"
)

// IssuerStatus is what is known of the keys of one issuer, and how asking it goes.
type IssuerStatus struct {
	Name, URL string
	// Keys is nil for an issuer that is OpaqueOnly.
	Keys *jwks.Status
	// Introspection is nil for an issuer that is not asked about tokens.
	Introspection *introspect.Status
}

// Status tells of every issuer, in the order of Config.Issuers, which keys are known
// and how fetching them went, and whether it can be asked about tokens: for health pages
// and metrics. It does no I/O. What went
// wrong may name addresses that only operators should see.
func (v *Validator) Status() []IssuerStatus {
	list := make([]IssuerStatus, len(v.trusted.all))
	for i, is := range v.trusted.all {
		list[i] = IssuerStatus{Name: is.name, URL: is.url}
		if is.keys != nil {
			status := is.keys.Status()
			list[i].Keys = &status
		}
		if is.introspection != nil {
			status := is.introspection.Status()
			list[i].Introspection = &status
		}
	}
	return list
}

// RefreshKeys asks for the key sets of the issuers that are given by Name or URL, or
// of all, and waits for answers to questions that began after the call. It is the
// owner's own wish, on a message that keys were rotated or withdrawn: nothing holds
// it back, so nobody else may be able to cause it. Errors are joined, each of class
// ErrUnavailable, or a *ConfigError for an issuer that there is not.
func (v *Validator) RefreshKeys(ctx context.Context, issuers ...string) error {
	var asked []*issuer
	for _, is := range v.trusted.all {
		if is.keys != nil && (len(issuers) == 0 || is.in(issuers)) {
			asked = append(asked, is)
		}
	}
	errs := make([]error, len(asked))
	var wg sync.WaitGroup
	for i, is := range asked {
		wg.Go(func() {
			if err := is.keys.Refresh(ctx); err != nil {
				errs[i] = keyError(ctx, err)
			}
		})
	}
	wg.Wait()
	for _, name := range issuers {
		if !slices.ContainsFunc(asked, func(is *issuer) bool { return is.in([]string{name}) }) {
			errs = append(errs, &ConfigError{"Issuers", fmt.Sprintf("none with keys is called %q", name)})
		}
	}
	return errors.Join(errs...)
}

// keysFormat names what ExportKeys writes, with its version.
const keysFormat = "bearerguard-keys/1"

// keyExport is the key sets of several issuers, each as package jwks exports it.
type keyExport struct {
	Format string           `json:"format"`
	Sets   []jsontext.Value `json:"sets"`
}

// ErrKeyExport: not what ExportKeys writes.
var ErrKeyExport = errors.New("not an export of keys")

// ExportKeys returns the last good key set of every issuer that has one, for
// ImportKeys of another process or the next one. There is nothing secret in it. One
// that cannot be exported (longer than jwks.MaxEnvelope) does not keep the others
// out: they are returned beside the error that tells of it. It does no I/O.
func (v *Validator) ExportKeys() ([]byte, error) {
	export := keyExport{keysFormat, []jsontext.Value{}}
	var errs []error
	for _, is := range v.trusted.all {
		if is.keys == nil {
			continue
		}
		set, err := is.keys.Export()
		switch {
		case errors.Is(err, jwks.ErrNoUsableKey):
		case err != nil:
			errs = append(errs, fmt.Errorf("validator: %s: %w", is.name, err)) // its server's doing, and no other's
		default:
			export.Sets = append(export.Sets, set)
		}
	}
	data, err := json.Marshal(export)
	return data, errors.Join(append(errs, err)...)
}

// ImportKeys takes in what ExportKeys wrote, so that a service that starts while an
// authorization server is down knows its keys. What it takes in is as trusted as
// the configuration: keep it where nobody can write who must not sign tokens. Sets of
// issuers that are not configured are left out. One that is refused (by the rules of
// jwks.Source.Import: the address, its time, its keys) changes nothing and does not
// keep the others out; the errors are joined. The first successful fetch replaces
// what was imported. It does no I/O, and no listed key causes any: RefreshKeys after
// it lets what was withdrawn meanwhile be noticed, and may fail.
func (v *Validator) ImportKeys(data []byte) error {
	var export keyExport
	if err := json.Unmarshal(data, &export, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("validator: %w: %w", ErrKeyExport, err)
	}
	if export.Format != keysFormat {
		return fmt.Errorf("validator: %w: expected the format %q, found %.100q", ErrKeyExport, keysFormat, export.Format)
	}
	if export.Sets == nil {
		return fmt.Errorf("validator: %w: it has no sets", ErrKeyExport) // an empty list is one
	}
	var errs []error
	for _, set := range export.Sets {
		var of struct {
			Issuer string `json:"issuer"`
		}
		if err := json.Unmarshal(set, &of); err != nil || of.Issuer == "" { // nobody's, which is not somebody else's
			errs = append(errs, fmt.Errorf("validator: %w: a set that names no issuer", ErrKeyExport))
			continue
		}
		for _, is := range v.trusted.all {
			if is.keys == nil || is.url != of.Issuer {
				continue
			}
			if err := is.keys.Import(set); err != nil {
				errs = append(errs, fmt.Errorf("validator: %s: %w", is.name, err))
			}
		}
	}
	return errors.Join(errs...)
}
