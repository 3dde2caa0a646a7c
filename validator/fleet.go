package validator

import (
	"context"
	"reflect"
	"time"

	"github.com/bearerguard/bearerguard/cache"
)

// Defaults of Fleet.
const (
	// DefaultMaxSkew is more than NTP lets clocks be apart.
	DefaultMaxSkew = 2 * time.Second
	// DefaultStoreTimeout is some hundred times what a store beside the service takes.
	DefaultStoreTimeout = 250 * time.Millisecond
	// DefaultAnswerWait is longer than most issuers take to answer.
	DefaultAnswerWait = time.Second
	// MaxStoreTimeout and MaxAnswerWait leave time to ask the issuer.
	MaxStoreTimeout = 5 * time.Second
	MaxAnswerWait   = 10 * time.Second
)

// Fleet is what the replicas of a service share, in stores that need not be trusted:
// what is kept there is sealed, and is believed only within its own bounds. A store
// that is slow or down delays a call by StoreTimeout at most. After that nobody asks it
// for a second, twice as long after each further failure, up to ten; then one call
// tries. Meanwhile every replica decides as if it were alone.
type Fleet struct {
	// Sealer seals what is shared. Required; its secret is the same on all replicas.
	Sealer *cache.Sealer
	// MaxSkew is how far apart the clocks of two replicas may be: what comes from
	// another one counts as that much older. Default (0) DefaultMaxSkew.
	MaxSkew time.Duration
	// StoreTimeout is how long one call of a store may take. Default (0)
	// DefaultStoreTimeout, at most MaxStoreTimeout.
	StoreTimeout time.Duration

	// Answers is where introspection answers are shared (Issuer.Introspection), so that
	// a token is asked about once for all replicas whose Issuer.URL, Audiences and
	// Introspection are the same. Each judges the answer by its own configuration. It
	// counts from when its question was sent, for as long as Issuer.IntrospectionMaxAge and StaleIfError
	// say on both replicas; never where a call asks for IntrospectedNow, nor where
	// Revocations have a mark that concerns the token: then the issuer is asked. That
	// an opaque token is inactive counts for 10 s. Default: not shared.
	Answers AnswerStore
	// AnswerWait is how long a question waits for the answer to the same one from
	// another replica before it is asked here too. Default (0) DefaultAnswerWait,
	// at most MaxAnswerWait.
	AnswerWait time.Duration

	// Keys is where key sets are shared, so that the issuer is asked for them once for all
	// replicas whose Issuer.URL and JWKSURL are the same: before a fetch for a key that is
	// not known, or for the age of the set, a replica looks for one that another fetched,
	// at most 5 minutes ago. No key is unknown because others do not know it, and
	// RefreshKeys asks the issuer in any case. While the issuer is down, a set may be as old as
	// Issuer.KeyMaxStale, or a day: a replica that starts then knows the keys. A key that
	// is known costs no look-up. Must be comparable, such as a pointer: WithConfig keeps
	// the keys of an issuer whose store is the same. Default: not shared.
	Keys KeySetStore
}

// AnswerStore keeps sealed answers for all replicas, and says who asks. Names are those
// of cache.Sealer. Each method is one atomic step, must be safe for concurrent use and
// should end with its context; an error means that nothing is known. What a store keeps
// is bounded by what its ttls allow: it may forget anything at any time.
// cache/rediscache has one.
type AnswerStore interface {
	// Take returns what is kept under name, unless that is seen, byte for byte (nil: any
	// is new). If there is nothing new, kept is nil, and the question is claimed for
	// owner unless somebody has claimed it already: claimed reports whether that was
	// done. A claim lasts for lease, or until its owner ends it. A lease of 0 claims
	// nothing.
	Take(ctx context.Context, name string, seen []byte, owner string, lease time.Duration) (kept []byte, claimed bool, err error)
	// Put keeps value under name for ttl, unless what is there was put with a later
	// sent, and ends the claim if it is owner's.
	Put(ctx context.Context, name string, value []byte, sent time.Time, ttl time.Duration, owner string) error
	// Release ends the claim if it is owner's.
	Release(ctx context.Context, name, owner string) error
}

// inForce is a copy with the defaults filled in; nil for nil.
func (f *Fleet) inForce() *Fleet {
	if f == nil {
		return nil
	}
	fleet := *f
	for _, setting := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&fleet.MaxSkew, DefaultMaxSkew}, {&fleet.StoreTimeout, DefaultStoreTimeout}, {&fleet.AnswerWait, DefaultAnswerWait}} {
		if *setting.value == 0 {
			*setting.value = setting.standard
		}
	}
	return &fleet
}

// checkFleet reports the mistakes in what is shared.
func (c *Config) checkFleet(m *mistakes) {
	f := c.Fleet
	if f == nil {
		return
	}
	if f.Sealer == nil {
		m.add("Fleet.Sealer", "is required: a store must neither read nor change what it keeps")
	}
	checkDuration(m, "Fleet.MaxSkew", f.MaxSkew)
	checkDuration(m, "Fleet.StoreTimeout", f.StoreTimeout)
	checkDuration(m, "Fleet.AnswerWait", f.AnswerWait)
	if f.StoreTimeout > MaxStoreTimeout {
		m.add("Fleet.StoreTimeout", "must not be above %v", MaxStoreTimeout)
	}
	if f.AnswerWait > MaxAnswerWait {
		m.add("Fleet.AnswerWait", "must not be above %v", MaxAnswerWait)
	}
	asked, signs := false, false
	for i := range c.Issuers {
		asked = asked || c.Issuers[i].Introspection != nil
		signs = signs || !c.Issuers[i].OpaqueOnly
	}
	switch {
	case f.Keys == nil:
	case !signs:
		m.add("Fleet.Keys", "there is no issuer that signs tokens: all are OpaqueOnly")
	case !reflect.ValueOf(f.Keys).Comparable():
		m.add("Fleet.Keys", "must be comparable, such as a pointer: after a reload nobody could tell whether it is the same")
	}
	switch {
	case f.Answers == nil && f.AnswerWait != 0:
		m.add("Fleet.AnswerWait", "is about answers that are shared, but Answers is nil")
	case f.Answers == nil && f.Keys == nil:
		m.add("Fleet", "shares nothing: name Answers or Keys")
	case f.Answers == nil:
	case !asked:
		m.add("Fleet.Answers", "there is no issuer with Introspection")
	}
}
