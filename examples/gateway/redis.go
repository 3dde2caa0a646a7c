package main

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/validator"
)

// fleet is what this gateway shares with other replicas of it, on Redis. It is immutable
// but for what is behind the link: a reload makes another, on the same one.
type fleet struct {
	*link
	*redisPart
	server  redisServer
	secrets []string // the current one first
	sealer  *cache.Sealer
	answers *rediscache.Answers
	keys    *rediscache.KeySets
	feed    *rediscache.Feed // nil: revocations are not shared
}

// fleet is what the file says; nil: this gateway shares nothing.
func (c *config) fleet(old *gateway) *fleet {
	var before *fleet
	if old != nil {
		before = old.fleet
	}
	part := c.Redis
	if part == nil {
		if before != nil && (before.feed != nil || old.used != nil && old.used.bounds.shared) { // it would be forgotten
			c.fault("redis", "cannot go while the gateway runs: restart it")
		}
		return nil
	}
	c.checkRedisUses(part)
	f := &fleet{redisPart: part, server: c.redisAt(), secrets: c.fleetSecrets(part)}
	if before == nil {
		f.link = newLink()
		if old != nil && old.revocations != nil && part.Revocations != nil {
			c.fault("redis.revocations", "cannot change while the gateway runs: restart it")
		}
	} else {
		f.link = before.link
		c.checkRedisChange(part, before.redisPart)
	}
	f.sealer = c.sealer(f.secrets, before)
	if before != nil { // by the store the library tells whose keys are still good
		f.answers, f.keys = before.answers, before.keys
	} else if len(c.faults) == 0 {
		c.stores(f)
	}
	return f
}

// stores makes what works on a prefix that is good.
func (c *config) stores(f *fleet) {
	var err error
	f.answers, err = rediscache.NewAnswers(rediscache.AnswersConfig{Client: f.link, Prefix: f.Prefix})
	c.blame(err, inRedis)
	if err == nil {
		f.keys, err = rediscache.NewKeySets(rediscache.KeySetsConfig{Client: f.link, Prefix: f.Prefix, MaxSkew: f.MaxSkew.or(0)})
		c.blame(err, inRedis)
	}
}

// The bounds of the library's uses of Redis, for all of which there is one field here.
const (
	minRedisTime    = 10 * time.Millisecond
	maxRedisTimeout = validator.MaxStoreTimeout
	maxRedisSkew    = time.Minute
	minRedisSilence = 500 * time.Millisecond
	maxRedisSilence = time.Hour
)

func (c *config) checkRedisUses(part *redisPart) {
	if !part.sealed() && !part.UsedProofs {
		c.fault("redis", "is for nothing: say answers, keys, used_proofs or revocations")
	}
	if part.Revocations != nil && c.Revocation == nil {
		c.fault("redis.revocations", "are those of revocation, and there is no revocation")
	}
	if part.UsedProofs && c.DPoP == nil {
		c.fault("redis.used_proofs", "are those of dpop, and there is no dpop")
	}
	if feed := part.Revocations; feed != nil {
		if _, known := whileBehind[feed.WhileBehind]; !known {
			c.fault("redis.revocations.while_behind", "must be serve or refuse")
		}
		c.between("redis.revocations.silence", feed.Silence, minRedisSilence, maxRedisSilence)
	}
	if part.AnswerWait != nil && !part.Answers {
		c.fault("redis.answer_wait", "needs redis.answers")
	}
	c.between("redis.answer_wait", part.AnswerWait, minRedisTime, validator.MaxAnswerWait)
	c.between("redis.timeout", part.Timeout, minRedisTime, maxRedisTimeout)
	c.between("redis.max_skew", part.MaxSkew, minRedisTime, maxRedisSkew)
}

func (c *config) between(field string, d *duration, least, most time.Duration) {
	if value := d.or(least); value < least || value > most {
		c.fault(field, fmt.Sprintf("must be between %v and %v", least, most))
	}
}

// checkRedisChange refuses what would make us look for it elsewhere.
func (c *config) checkRedisChange(part, before *redisPart) {
	for field, changed := range map[string]bool{
		"redis.prefix": part.Prefix != before.Prefix, "redis.timeout": part.Timeout.or(0) != before.Timeout.or(0),
		"redis.max_skew": part.MaxSkew.or(0) != before.MaxSkew.or(0), "redis.revocations": !reflect.DeepEqual(part.Revocations, before.Revocations),
	} {
		if changed {
			c.fault(field, "cannot change while the gateway runs: restart it")
		}
	}
}

// sealed reports whether Redis gets anything that is sealed.
func (r *redisPart) sealed() bool { return r.Answers || r.Keys || r.Revocations != nil }

// fleetSecrets are what everything is sealed with before Redis gets it.
func (c *config) fleetSecrets(part *redisPart) (secrets []string) {
	switch needed := part.sealed(); {
	case needed && part.SecretFile == "":
		c.fault("redis.secret_file", "is required: what is shared is sealed with it")
	case !needed && (part.SecretFile != "" || len(part.PreviousSecretFiles) > 0):
		c.fault("redis.secret_file", "seals nothing: used_proofs need none")
	}
	if part.SecretFile == "" {
		return nil
	}
	fields, paths := []string{"redis.secret_file"}, append([]string{part.SecretFile}, part.PreviousSecretFiles...)
	for i := range part.PreviousSecretFiles {
		fields = append(fields, fmt.Sprintf("redis.previous_secret_files[%d]", i))
	}
	for i, path := range paths {
		secret, err := readSecret(c.resolve(path))
		c.found(fields[i], err)
		switch {
		case err != nil:
		case len(secret) < cache.MinSecretSize:
			c.fault(fields[i], fmt.Sprintf("must have at least %d bytes, of chance: openssl rand -base64 %[1]d", cache.MinSecretSize))
		case slices.Contains(secrets, secret):
			c.fault(fields[i], "is the same secret as one before")
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

// sealer is the one from before if its secrets are the same: the library tells by that
// whether anything changed.
func (c *config) sealer(secrets []string, before *fleet) *cache.Sealer {
	if before != nil && slices.Equal(secrets, before.secrets) {
		return before.sealer
	}
	if len(secrets) == 0 || len(c.faults) > 0 {
		return nil
	}
	var previous [][]byte
	for _, secret := range secrets[1:] {
		previous = append(previous, []byte(secret))
	}
	sealer, err := cache.NewSealer([]byte(secrets[0]), previous...)
	c.found("redis.secret_file", err)
	return sealer
}

// share is what the library is told of it.
func (f *fleet) share() *validator.Fleet {
	if f == nil || !f.Answers && !f.Keys {
		return nil
	}
	told := &validator.Fleet{Sealer: f.sealer, MaxSkew: f.MaxSkew.or(0), StoreTimeout: f.Timeout.or(0), AnswerWait: f.AnswerWait.or(0)}
	if f.Answers {
		told.Answers = f.answers
	}
	if f.Keys {
		told.Keys = f.keys
	}
	return told
}

// inRedis is for mistakes of what is made of the section redis.
func inRedis(field string) string { return join("redis", inFile(field)) }
