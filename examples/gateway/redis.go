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
}

// fleet is what the file says; nil: this gateway shares nothing.
func (c *config) fleet(old *gateway) *fleet {
	var before *fleet
	if old != nil {
		before = old.fleet
	}
	part := c.Redis
	if part == nil {
		if before != nil && before.remembers() {
			c.fault("redis", "cannot go while the gateway runs: restart it")
		}
		return nil
	}
	c.checkRedisUses(part)
	f := &fleet{redisPart: part, server: c.redisAt(), secrets: c.fleetSecrets(part)}
	if before == nil {
		f.link = newLink()
	} else {
		f.link = before.link
		c.checkRedisChange(part, before.redisPart)
	}
	f.sealer = c.sealer(f.secrets, before)
	var err error
	f.answers, err = rediscache.NewAnswers(rediscache.AnswersConfig{Client: f.link, Prefix: part.Prefix})
	c.blame(err, inRedis)
	return f
}

// remembers reports whether something is kept in Redis that must not be forgotten.
func (f *fleet) remembers() bool { return f.UsedProofs }

// The bounds of the library's uses of Redis, for all of which there is one field here.
const (
	minRedisTime    = 10 * time.Millisecond
	maxRedisTimeout = validator.MaxStoreTimeout
	maxRedisSkew    = time.Minute
)

func (c *config) checkRedisUses(part *redisPart) {
	if !part.Answers && !part.UsedProofs {
		c.fault("redis", "is for nothing: say answers or used_proofs")
	}
	if part.UsedProofs && c.DPoP == nil {
		c.fault("redis.used_proofs", "are those of dpop, and there is no dpop")
	}
	if part.AnswerWait != nil && !part.Answers {
		c.fault("redis.answer_wait", "needs redis.answers")
	}
	c.positive("redis.answer_wait", part.AnswerWait)
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
		"redis.max_skew": part.MaxSkew.or(0) != before.MaxSkew.or(0), "redis.used_proofs": part.UsedProofs != before.UsedProofs,
	} {
		if changed {
			c.fault(field, "cannot change while the gateway runs: restart it")
		}
	}
}

// fleetSecrets are what everything is sealed with before Redis gets it.
func (c *config) fleetSecrets(part *redisPart) (secrets []string) {
	needed := part.Answers
	switch {
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
	if f == nil || !f.Answers {
		return nil
	}
	return &validator.Fleet{
		Sealer: f.sealer, MaxSkew: f.MaxSkew.or(0), StoreTimeout: f.Timeout.or(0),
		Answers: f.answers, AnswerWait: f.AnswerWait.or(0),
	}
}

// inRedis is for mistakes of what is made of the section redis.
func inRedis(field string) string { return join("redis", inFile(field)) }

// connect puts the client of this configuration behind the link, unless it is there.
func (f *fleet) connect(before *fleet) {
	if f != nil && (before == nil || !reflect.DeepEqual(f.server, before.server)) {
		f.use(f.server.client())
	}
}

// leave ends the client, once the commands under way have ended.
func (f *fleet) leave() {
	if f != nil {
		f.use(nil)
	}
}
