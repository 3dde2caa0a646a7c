package rediscache

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/validator"
)

// mistakes collects ConfigErrors.
type mistakes []error

func (m *mistakes) add(field, format string, args ...any) {
	*m = append(*m, &validator.ConfigError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

func (m mistakes) err() error { return errors.Join(m...) }

// checkClient refuses clients under which a use cannot keep its promises.
func checkClient(m *mistakes, client redis.UniversalClient) {
	if v := reflect.ValueOf(client); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		m.add("Client", "is required")
		return
	}
	bounded := true
	switch c := client.(type) {
	case *redis.Client:
		bounded = c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		bounded = c.Options().ContextTimeoutEnabled
	case *redis.Ring:
		// It turns to another server when one is down, which knows nothing of what
		// that one was told, and back again.
		m.add("Client", "must not be a Ring: use a cluster, or sentinels")
	}
	if !bounded {
		// Else a Redis that does not answer holds a request for ReadTimeout, several times.
		m.add("Client", "must have ContextTimeoutEnabled")
	}
}

// checkReads refuses clients that read from a replica: it may lag, or be cut off, and not
// know of what everybody else was told.
func checkReads(m *mistakes, client redis.UniversalClient) {
	if c, _ := client.(*redis.ClusterClient); c != nil && c.Options().ReadOnly {
		m.add("Client", "must read from masters: no ReadOnly, RouteByLatency or RouteRandomly")
	}
}

// checkPrefix refuses braces: which slot of a cluster a key is in is ours to say.
func checkPrefix(m *mistakes, prefix string) {
	if strings.ContainsAny(prefix, "{}") {
		m.add("Prefix", "must not have braces")
	}
}

// checkDuration refuses what nobody means: 60 instead of 60 * time.Second.
func checkDuration(m *mistakes, field string, d, least, most time.Duration) {
	switch {
	case d < 0:
		m.add(field, "must not be negative")
	case d > 0 && d < least:
		m.add(field, "is %v: must be at least %v, and durations have units, such as %d * time.Second", d, least, d)
	case d > most:
		m.add(field, "must not be above %v", most)
	}
}
