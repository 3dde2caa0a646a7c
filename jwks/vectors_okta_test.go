package jwks_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// oktaSample is what Okta publishes about its key sets; see testdata/README.md.
type oktaSample struct {
	ID        string
	Kind      string
	JWKS      json.RawMessage   // of kind jwks
	Responses []json.RawMessage // of kind jwks_sequence: what the server answers, in turn
	Steps     []struct {        // and what is looked up meanwhile
		Lookup  string
		Fetches int `json:"fetches_so_far"`
	}
	Pairs [][2]string // of kind metadata_urls: an issuer and where its documents are
}

func oktaSamples(t *testing.T, kind string) (found []oktaSample) {
	t.Helper()
	var file struct{ Samples []oktaSample }
	readVectors(t, "testdata/okta_key_sets.json", &file)
	require.Len(t, file.Samples, 5)
	for _, sample := range file.Samples {
		if sample.Kind == kind {
			found = append(found, sample)
		}
	}
	return found
}

func TestOktaKeySets(t *testing.T) {
	l := newLibrary(t)
	verdicts := map[string]string{}
	for _, sample := range oktaSamples(t, "jwks") {
		verdicts[sample.ID] = l.verdict(t, string(sample.JWKS))
	}
	assert.Equal(t, map[string]string{
		"okta-jwks":              usable(1),
		"okta-jwk-extra-members": usable(1, useIsNotSig), // _links, status and created are members like any other
	}, verdicts)
}

func TestOktaKeyRotation(t *testing.T) {
	l := newLibrary(t)
	seen := map[string]int{}
	for _, sample := range oktaSamples(t, "jwks_sequence") {
		var sets []string
		for _, response := range sample.Responses {
			sets = append(sets, string(response))
		}
		s := l.open(t, sets...)
		var keys []*jwks.Key
		for _, step := range sample.Steps {
			keys = append(keys, s.known(t, step.Lookup, "RS256"))
			assert.Equal(t, step.Fetches, s.fetches.count(), "%s: %s", sample.ID, step.Lookup)
			seen[sample.ID]++
		}
		// In the rotation key-one goes. Its material stays under another kid, and
		// is another key.
		rotated := len(sets) > 1
		assert.Equal(t, !rotated, keys[0].Trusted(), sample.ID)
		_, err := s.key(keys[0].ID(), "RS256")
		if rotated {
			assert.ErrorIs(t, err, jwks.ErrUnknownKey, sample.ID)
			again := s.known(t, "other-bar", "RS256")
			assert.Equal(t, keys[0].Thumbprint(), again.Thumbprint())
			assert.True(t, again.Trusted())
		} else {
			assert.NoError(t, err, sample.ID)
		}
	}
	assert.Equal(t, map[string]int{"okta-java-rotation": 2, "okta-java-basic": 2}, seen)
}

func TestOktaMetadataURLs(t *testing.T) {
	set := oktaSamples(t, "jwks")[0].JWKS
	documents := map[string]string{}
	for _, pair := range oktaSamples(t, "metadata_urls")[0].Pairs {
		documents[pair[0]] = pair[1]
	}
	issuers := 0
	for issuer, place := range documents {
		if strings.HasPrefix(issuer, "jwks of ") {
			continue
		}
		issuers++
		keys := documents["jwks of "+issuer]
		answers := map[string]string{
			place: string(mustJSON(map[string]string{"issuer": issuer, "jwks_uri": keys})),
			keys:  string(set),
		}
		var asked []string
		s := newSubject(t, jwks.Config{Issuer: issuer, CheckURL: httpsOnly, HTTPClient: web(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.String())
			body, ok := answers[r.URL.String()]
			if !ok {
				return respond(r, http.StatusNotFound, ""), nil
			}
			return respond(r, http.StatusOK, body), nil
		}).client()})
		s.known(t, "NhIpAobkW_7CfLFA2d1UUB8odnWbZMebCR8dm-O6aMM", "RS256")
		assert.Equal(t, []string{place, keys}, asked, issuer)
	}
	assert.Equal(t, 2, issuers)
}
