package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// sharing is base with everything that replicas can share: the section begins in line 24.
var sharing = strings.Replace(base, "    introspection:\n", "    max_token_lifetime: 1h\n    event_audiences: [b]\n    introspection:\n", 1) + `public_origin: https://a
dpop: {enabled: true, window: 30s}
revocation: {events_path: /events}
`

// theSection is a good section, with a line for every test to change.
const theSection = `redis:
  addresses: ["127.0.0.1:6379"]
  user: bearerguard
  password_file: secret
  secret_file: fleet
  previous_secret_files: [older]
  timeout: 1s
  max_skew: 1s
  answers: true
  answer_wait: 2s
  keys: true
  used_proofs: true
  revocations: {while_behind: refuse, silence: 2s}
`

// withSecrets writes a file with fleet secrets beside it.
func withSecrets(t testing.TB, text string, words ...string) string {
	t.Helper()
	path := configure(t, text, words...)
	for name, secret := range map[string]string{
		"secret": "a secret", "fleet": strings.Repeat("a", 32), "older": strings.Repeat("b", 32), "same": strings.Repeat("a", 32) + "\n", "sentinel": "hunter2",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(secret), 0o600))
	}
	return path
}

// TestRedisMistakes: every mistake in the section is told with the line and the field.
func TestRedisMistakes(t *testing.T) {
	_, err := newService(withSecrets(t, sharing+theSection), nopLog())
	require.NoError(t, err, "the neighbour of all")
	const several = `["127.0.0.1:1", "127.0.0.1:2"]`
	for name, tc := range map[string]struct {
		old, new string // a replacement in the section
		said     []string
	}{
		"no addresses":           {"  addresses: [\"127.0.0.1:6379\"]\n", "", strs{"24: redis.addresses: is required"}},
		"no port":                {"127.0.0.1:6379", "127.0.0.1", strs{"25: redis.addresses[0]: must be a host and a port, such as redis.internal:6379"}},
		"no host":                {"127.0.0.1:6379", ":6379", strs{"25: redis.addresses[0]: must be a host and a port, such as redis.internal:6379"}},
		"twice":                  {`["127.0.0.1:6379"]`, `["127.0.0.1:1", "127.0.0.1:1"]` + "\n  cluster: true", strs{"25: redis.addresses[1]: is there twice"}},
		"several":                {`["127.0.0.1:6379"]`, several, strs{"25: redis.addresses: are several: say cluster, or sentinel_master"}},
		"several, cluster":       {`["127.0.0.1:6379"]`, several + "\n  cluster: true", nil},
		"several, sentinels":     {`["127.0.0.1:6379"]`, several + "\n  sentinel_master: a\n  sentinel_user: b\n  sentinel_password_file: secret", nil},
		"sentinels of a cluster": {`["127.0.0.1:6379"]`, several + "\n  sentinel_master: a\n  cluster: true", strs{"27: redis.cluster: does not belong to sentinel_master: sentinels watch no cluster"}},
		"sentinels' user":        {"timeout: 1s", "sentinel_master: a\n  sentinel_user: b", strs{"31: redis.sentinel_user: needs redis.sentinel_password_file"}},
		"password, no sentinels": {"timeout: 1s", "sentinel_password_file: secret", strs{"30: redis.sentinel_password_file: needs redis.sentinel_master"}},
		"no sentinels' password": {"timeout: 1s", "sentinel_master: a\n  sentinel_password_file: x", strs{"31: redis.sentinel_password_file: no such file or directory"}},
		"elsewhere":              {"127.0.0.1:6379", "redis.internal:6379", strs{"25: redis.addresses[0]: is on another machine: say tls, or insecure_plaintext"}},
		"elsewhere, tls":         {`["127.0.0.1:6379"]`, `["redis.internal:6379"]` + "\n  tls: true", nil},
		"elsewhere, plainly":     {`["127.0.0.1:6379"]`, `["redis.internal:6379"]` + "\n  insecure_plaintext: true", nil},
		"here":                   {"127.0.0.1:6379", "localhost:6379", nil},
		"tls, plainly":           {"timeout: 1s", "tls: true\n  insecure_plaintext: true", strs{"31: redis.insecure_plaintext: says that there is no TLS, and tls that there is"}},
		"ca without tls":         {"timeout: 1s", "ca_file: secret", strs{"30: redis.ca_file: needs redis.tls", "30: redis.ca_file: there is no certificate in PEM in it"}},
		"no ca":                  {"timeout: 1s", "tls: true\n  ca_file: x", strs{"31: redis.ca_file: no such file or directory"}},
		"ca, no PEM":             {"timeout: 1s", "tls: true\n  ca_file: secret", strs{"31: redis.ca_file: there is no certificate in PEM in it"}},
		"certificate, no key":    {"timeout: 1s", "tls: true\n  cert_file: secret", strs{"31: redis.cert_file: needs redis.key_file"}},
		"key, no certificate":    {"timeout: 1s", "tls: true\n  key_file: secret", strs{"31: redis.key_file: needs redis.cert_file"}},
		"certificate, no PEM":    {"timeout: 1s", "tls: true\n  cert_file: secret\n  key_file: secret", strs{"31: redis.cert_file: cert_file and key_file are not a certificate and its key in PEM"}},
		"no password":            {"  password_file: secret\n", "", strs{"26: redis.user: needs redis.password_file"}},
		"no such password":       {"password_file: secret", "password_file: x", strs{"27: redis.password_file: no such file or directory"}},
		"an inline password":     {"password_file: secret", "password: hunter2", strs{"27: redis.password: there is no such field"}},
		"no secret":              {"  secret_file: fleet\n  previous_secret_files: [older]\n", "", strs{"24: redis.secret_file: is required: what is shared is sealed with it"}},
		"no such secret":         {"secret_file: fleet", "secret_file: x", strs{"28: redis.secret_file: no such file or directory"}},
		"a short secret":         {"secret_file: fleet", "secret_file: secret", strs{"28: redis.secret_file: must have at least 32 bytes, of chance: openssl rand -base64 32"}},
		"a short one before":     {"[older]", "[older, secret]", strs{"29: redis.previous_secret_files[1]: must have at least 32 bytes, of chance: openssl rand -base64 32"}},
		"the same before":        {"[older]", "[same]", strs{"29: redis.previous_secret_files[0]: is the same secret as one before"}},
		"nothing":                {theSection[strings.Index(theSection, "  answers"):], "", strs{"24: redis: is for nothing: say answers, keys, used_proofs or revocations", "28: redis.secret_file: seals nothing: used_proofs need none"}},
		"nothing sealed":         {theSection[strings.Index(theSection, "  answers"):], "  used_proofs: true\n", strs{"28: redis.secret_file: seals nothing: used_proofs need none"}},
		"proofs alone":           {theSection[strings.Index(theSection, "  secret_file"):], "  used_proofs: true\n", nil},
		"wait, no answers":       {"  answers: true\n", "", strs{"32: redis.answer_wait: needs redis.answers"}},
		"wait":                   {"answer_wait: 2s", "answer_wait: 11s", strs{"33: redis.answer_wait: must be between 10ms and 10s"}},
		"timeout":                {"timeout: 1s", "timeout: 0s", strs{"30: redis.timeout: must be between 10ms and 5s"}},
		"long timeout":           {"timeout: 1s", "timeout: 6s", strs{"30: redis.timeout: must be between 10ms and 5s"}},
		"skew":                   {"max_skew: 1s", "max_skew: 61s", strs{"31: redis.max_skew: must be between 10ms and 1m0s"}},
		"prefix":                 {"timeout: 1s", `prefix: "{a}"`, strs{"30: redis.prefix: must not have braces"}},
		"no choice":              {"{while_behind: refuse, silence: 2s}", "{silence: 2s}", strs{"36: redis.revocations.while_behind: is required"}},
		"choice":                 {"while_behind: refuse", "while_behind: wait", strs{"36: redis.revocations.while_behind: must be serve or refuse"}},
		"silence":                {"silence: 2s", "silence: 10ms", strs{"36: redis.revocations.silence: must be between 500ms and 1h0m0s"}},
		"the least":              {"timeout: 1s\n  max_skew: 1s\n  answers: true\n  answer_wait: 2s", "timeout: 10ms\n  max_skew: 10ms\n  answers: true\n  answer_wait: 10ms", nil},
		"the most":               {"timeout: 1s\n  max_skew: 1s\n  answers: true\n  answer_wait: 2s", "timeout: 5s\n  max_skew: 1m\n  answers: true\n  answer_wait: 10s", nil},
		"less than the least": {"timeout: 1s\n  max_skew: 1s\n  answers: true\n  answer_wait: 2s", "timeout: 9ms\n  max_skew: 9ms\n  answers: true\n  answer_wait: 9ms", strs{
			"30: redis.timeout: must be between 10ms and 5s", "31: redis.max_skew: must be between 10ms and 1m0s", "33: redis.answer_wait: must be between 10ms and 10s"}},
		"more than the most": {"timeout: 1s\n  max_skew: 1s\n  answers: true\n  answer_wait: 2s", "timeout: 5001ms\n  max_skew: 60001ms\n  answers: true\n  answer_wait: 10001ms", strs{
			"30: redis.timeout: must be between 10ms and 5s", "31: redis.max_skew: must be between 10ms and 1m0s", "33: redis.answer_wait: must be between 10ms and 10s"}},
		"the least silence":  {"silence: 2s", "silence: 500ms", nil},
		"the most silence":   {"silence: 2s", "silence: 1h", nil},
		"more silence":       {"silence: 2s", "silence: 3601s", strs{"36: redis.revocations.silence: must be between 500ms and 1h0m0s"}},
		"a secret of before": {theSection[strings.Index(theSection, "  secret_file"):], "  previous_secret_files: [older]\n  used_proofs: true\n", strs{"24: redis.secret_file: seals nothing: used_proofs need none"}},
		"keys alone":         {theSection[strings.Index(theSection, "  answers"):], "  keys: true\n", nil},
		"answers alone":      {theSection[strings.Index(theSection, "  answers"):], "  answers: true\n", nil},
		"revocations alone":  {theSection[strings.Index(theSection, "  answers"):], "  revocations: {while_behind: serve}\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, 1, strings.Count(theSection, tc.old), "the test changes one thing")
			path := withSecrets(t, sharing+strings.Replace(theSection, tc.old, tc.new, 1))
			if tc.said == nil {
				_, err := newService(path, nopLog())
				require.NoError(t, err)
				return
			}
			assert.Equal(t, tc.said, refused(t, path))
		})
	}
}

// TestRedisNeeds: what the section is about must be there.
func TestRedisNeeds(t *testing.T) {
	with := func(text, section string) []string {
		return refused(t, withSecrets(t, text+"redis:\n  addresses: [\"127.0.0.1:1\"]\n"+section))
	}
	assert.Equal(t, strs{"21: redis.used_proofs: are those of dpop, and there is no dpop"}, with(base, "  used_proofs: true\n"))
	assert.Equal(t, strs{"22: redis.revocations: are those of revocation, and there is no revocation"},
		with(base, "  secret_file: fleet\n  revocations: {while_behind: serve}\n"))
	i, j := strings.Index(base, "    introspection:"), strings.Index(base, "routes:")
	assert.Equal(t, strs{"18: redis.answers: there is no issuer with introspection"}, with(base[:i]+base[j:], "  secret_file: fleet\n  answers: true\n"))
	opaque := strings.Replace(base, "    introspection:", "    opaque_only: true\n    introspection:", 1)
	assert.Equal(t, strs{"23: redis.keys: there is no issuer that signs tokens: all are opaque_only"}, with(opaque, "  secret_file: fleet\n  keys: true\n"))
	assert.Equal(t, strs{"20: dpop.max_proofs: is for this process: with redis.used_proofs, the memory of Redis is the bound"},
		with(base+"public_origin: https://a\ndpop: {enabled: true, max_proofs: 1}\n", "  used_proofs: true\n"))
}

// TestRedisChanges: what would forget what was used or revoked needs a restart; the file
// from before stays then.
func TestRedisChanges(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	words := []string{"ISSUER", as.Issuer(), "UPSTREAM", up.URL}
	text := telling + withDPoP + "redis:\n  addresses: [\"127.0.0.1:1\"]\n  secret_file: fleet\n  keys: true\n  used_proofs: true\n  revocations: {while_behind: serve}\n"
	path := withSecrets(t, text, words...)
	f := start(t, path)
	for i, tc := range []struct{ old, new, said string }{
		{"  keys:", "  prefix: x\n  keys:", "redis.prefix: cannot change"},
		{"  keys:", "  timeout: 1s\n  keys:", "redis.timeout: cannot change"},
		{"  keys:", "  max_skew: 1s\n  keys:", "redis.max_skew: cannot change"},
		{"  used_proofs: true\n", "", "redis.used_proofs: cannot change"},
		{"  revocations: {while_behind: serve}\n", "", "redis.revocations: cannot change"},
		{"while_behind: serve", "while_behind: refuse", "redis.revocations: cannot change"},
		{text[strings.Index(text, "redis:"):], "", "redis: cannot go"},
		{"secret_file: fleet", "secret_file: x", "redis.secret_file: no such file"},
	} {
		require.Equal(t, 1, strings.Count(text, tc.old))
		rewrite(t, path, strings.Replace(text, tc.old, tc.new, 1), words...)
		f.signal(syscall.SIGHUP)
		f.log.wait(t, "configuration not reloaded: the old one stays", i+1)
		assert.Contains(t, f.log.String(), tc.said)
	}
	rewrite(t, path, text, words...)
	f.signal(syscall.SIGHUP)
	f.log.wait(t, `"msg":"configuration reloaded"`, 1)

	const section = "redis:\n  addresses: [\"127.0.0.1:1\"]\n"
	for name, tc := range map[string]struct{ before, after, said string }{
		"proofs":            {withDPoP, withDPoP + section + "  used_proofs: true\n", "redis.used_proofs: cannot change"},
		"revocations":       {"", section + "  secret_file: fleet\n  revocations: {while_behind: serve}\n", "redis.revocations: cannot change"},
		"no proofs":         {withDPoP + section + "  used_proofs: true\n", withDPoP, "redis: cannot go"},
		"no revocations":    {section + "  secret_file: fleet\n  revocations: {while_behind: serve}\n", "", "redis: cannot go"},
		"keys":              {"", section + "  secret_file: fleet\n  keys: true\n", ""},
		"no keys":           {section + "  secret_file: fleet\n  keys: true\n", "", ""},
		"keys and a secret": {section + "  secret_file: fleet\n  keys: true\n", section + "  secret_file: older\n  keys: true\n", ""},
	} {
		path := withSecrets(t, telling+tc.before, words...)
		f := start(t, path)
		rewrite(t, path, telling+tc.after, words...)
		f.signal(syscall.SIGHUP)
		if tc.said == "" {
			f.log.wait(t, `"msg":"configuration reloaded"`, 1)
			continue
		}
		f.log.wait(t, "configuration not reloaded: the old one stays", 1)
		assert.Contains(t, f.log.String(), tc.said, name)
	}
}
