package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/validator"
)

// fault is one mistake in a configuration file.
type fault struct {
	file    string
	line    int
	field   string
	problem string
}

func (f fault) Error() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.file, f.line, f.field, f.problem)
}

// source is a configuration file: what its fields are called, where they stand,
// and what is wrong with them.
type source struct {
	name   string
	lines  map[string]int // by path, such as issuers[1].audiences
	faults []fault
}

func newSource(name string) *source { return &source{name: name, lines: map[string]int{}} }

// err joins the faults in the order of the file; nil if there are none.
func (s *source) err() error {
	slices.SortStableFunc(s.faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	errs := make([]error, len(s.faults))
	for i, f := range s.faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

func (s *source) fault(field, problem string) { s.faultAt(s.line(field), field, problem) }

func (s *source) faultAt(line int, field, problem string) {
	s.faults = append(s.faults, fault{s.name, line, cmp.Or(field, "the file"), problem})
}

// line is where a field stands, or what would contain it if it is not there.
func (s *source) line(field string) int {
	for {
		if line, ok := s.lines[field]; ok || field == "" {
			return line
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
}

// blame turns what the library says about a configuration into faults of the
// file. place says where the file has a field of the library's; of "", what the
// configuration was made of.
func (s *source) blame(err error, place func(field string) string) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			s.blame(one, place)
		}
		return
	}
	var mistake *validator.ConfigError
	if !errors.As(err, &mistake) {
		s.fault(place(""), err.Error())
		return
	}
	s.fault(place(mistake.Field), namesInFile.Replace(mistake.Problem))
}

// inPolicy is for mistakes of a Policy that was made of a field.
func inPolicy(at string) func(string) string {
	return func(field string) string { // such as "Policy.Scopes"
		_, field, _ = strings.Cut(inFile(field), ".")
		return strings.TrimSuffix(join(at, field), ".")
	}
}

// inTable is for mistakes of parts whose fields are elsewhere in the file.
func inTable(table map[string]string) func(string) string {
	return func(field string) string {
		name, index, listed := strings.Cut(field, "[")
		if at, one := table[field]; one || !listed {
			return at
		}
		return table[name] + "[" + index
	}
}

// inFile is the path of a field of validator.Config in the file.
func inFile(field string) string {
	parts := strings.Split(movedInFile.Replace(field), ".")
	for i, part := range parts {
		name, index, _ := strings.Cut(part, "[")
		if index != "" {
			index = "[" + index
		}
		parts[i] = cmp.Or(fieldsInFile[name], strings.ToLower(name)) + index
	}
	return strings.Join(parts, ".")
}

// movedInFile are fields that the file has elsewhere.
var movedInFile = strings.NewReplacer(
	".IntrospectAlways", ".Introspection.Always", ".IntrospectionMaxAge", ".Introspection.MaxAge",
	".StaleIfError", ".Introspection.StaleIfError", ".AllowMissing", ".Introspection.AllowMissing",
	"OpaqueIssuer", "NoOpaqueTokens", "RevocationsConfig.", "Revocation.", "Fleet.StoreTimeout", "Redis.Timeout", "Fleet.", "Redis.",
)

// fieldsInFile are names that are not the lower case of the library's.
var fieldsInFile = map[string]string{ // #nosec G101 -- names of fields
	"ClientIDs": "client_ids", "AnyClient": "any_client", "AudienceMayBeClient": "audience_may_be_client",
	"JWKSURL": "jwks_url", "OpaqueOnly": "opaque_only", "NoOpaqueTokens": "no_opaque_tokens",
	"MaxAge": "max_age", "StaleIfError": "stale_if_error", "SignedAudiences": "signed_audiences",
	"AllowMissingAudience": "allow_missing_audience", "AllowMissingExpiry": "allow_missing_expiry",
	"AllowMissingTokenType": "allow_missing_token_type", "MinLength": "min_length", "MaxLength": "max_length",
	"AnyScope": "any_scope", "AnyTrustedIssuer": "any_trusted_issuer", "AnyToken": "any_token",
	"MaxTokenAge": "max_token_age", "ACRValues": "acr_values", "MaxAuthAge": "max_auth_age",
	"InsecureAllowHTTP": "insecure_allow_http", "MaxTokenLifetime": "max_token_lifetime",
	"EventAudiences": "event_audiences", "LogoutClientIDs": "logout_client_ids", "MaxMarks": "max_marks",
	"MaxSkew": "max_skew", "AnswerWait": "answer_wait",
}

// namesInFile spells the library's names in a message as the file does.
var namesInFile = func() *strings.Replacer {
	pairs := []string{
		"or set OpaqueIssuer; NoOpaqueTokens if there are none", "or say no_opaque_tokens if there are none",
		"is the Secret", "is that of secret_file",
		"IntrospectAlways", "introspection.always", "Introspection.Signed", "introspection.signed", "Introspection is nil", "introspection is not there",
		"Introspection", "introspection", "Issuers", "issuers", "Revocations is nil", "revocation is not there", "Revocations", "revocation", "Audiences", "audiences", "Endpoint", "endpoint", " Prefix", " prefix", "Prefix has", "prefix has", "Signed is", "signed is",
		"ClientSecretBasic, ClientSecretPost, PrivateKeyJWT, TLSClientAuth or BearerToken", authMethods,
	}
	for library, file := range fieldsInFile {
		pairs = append(pairs, library, file)
	}
	return strings.NewReplacer(pairs...)
}()
