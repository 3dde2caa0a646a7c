package jwks_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
)

// Published key sets and tokens go the way that they go in production: a Source
// fetches the set over HTTP, finds the key, and the key verifies. docs/vectors.md
// lists what is run and how it ends.

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, into))
}

// library serves key sets over loopback, each at an address of its own.
type library struct {
	server  *httptest.Server
	goodKey string // which every Source can use

	mu   sync.Mutex
	sets map[string][]string // by path: one after the other; the last one stays
}

func newLibrary(t *testing.T) *library {
	l := &library{goodKey: edKey(t, "good").String(), sets: map[string][]string{}}
	l.server = httptest.NewServer(l)
	t.Cleanup(l.server.Close)
	return l
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sets := l.sets[r.URL.Path]
	io.WriteString(w, sets[0])
	if len(sets) > 1 {
		l.sets[r.URL.Path] = sets[1:]
	}
}

// open returns a Source for the sets, which are served as they are.
func (l *library) open(t *testing.T, sets ...string) *subject {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := fmt.Sprintf("/%d", len(l.sets))
	l.sets[path] = sets
	return newSubject(t, jwks.Config{URL: l.server.URL + path, HTTPClient: l.server.Client()})
}

// What becomes of a key set: notASet, or usable.
const (
	notASet  = "not a key set"
	skipping = ", skipped: "
)

// usable says how many keys of a set can be used, and why each of the others cannot.
func usable(keys int, skipped ...string) string {
	text := fmt.Sprintf("%d usable", keys)
	if len(skipped) > 0 {
		text += skipping + strings.Join(skipped, "; ")
	}
	return text
}

// Why a key is skipped: Skipped.Why up to its colon.
const (
	notAKey      = "not a JWK"
	symmetric    = "symmetric"
	useIsNotSig  = "use is not sig"
	opsNotVerify = "key_ops without verify"
	unreadable   = "unusable" // jwkset says why
)

var (
	wrongType = jose.ErrKeyType.Error()
	wrongAlg  = jose.ErrKeyAlg.Error()
	wrongSize = jose.ErrKeySize.Error()
)

// verdict reads a set and says what became of it and of each of its keys. In a set
// without a usable key, one more that is good shows what became of the others.
func (l *library) verdict(t *testing.T, set string) string {
	t.Helper()
	s := l.open(t, set)
	err := s.Ready(t.Context())
	if err == nil {
		report := s.fetches.last(t)
		return usable(report.Keys, reasons(report.Skipped)...)
	}
	answered(t, err)
	beside := l.open(t, l.withGoodKey(set))
	if err := beside.Ready(t.Context()); err != nil {
		answered(t, err)
		return notASet
	}
	report := beside.fetches.last(t)
	return usable(report.Keys-1, reasons(report.Skipped)...)
}

// answered asserts that the set could be fetched and was of no use.
func answered(t *testing.T, err error) {
	t.Helper()
	failed := unavailable(t, err)
	assert.False(t, failed.Throttled)
	var request *remote.Error
	assert.NotErrorAs(t, failed.Cause, &request)
}

func reasons(skipped []jwks.Skipped) (list []string) {
	for _, s := range skipped {
		why, _, _ := strings.Cut(s.Why, ":")
		list = append(list, why)
	}
	return list
}

// withGoodKey puts one more key at the end of the last array of a text.
func (l *library) withGoodKey(set string) string {
	end := strings.LastIndexByte(set, ']')
	if end < 0 {
		return set
	}
	separator := ","
	if strings.HasSuffix(strings.TrimSpace(set[:end]), "[") {
		separator = ""
	}
	return set[:end] + separator + l.goodKey + set[end:]
}
