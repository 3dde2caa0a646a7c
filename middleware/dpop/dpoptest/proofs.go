package dpoptest

import (
	"strings"
	"unicode"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// Proofs is the corpus for [validatortest.Attack], with what takes more than a header:
// replays, and other schemes. The API is asked at address; the rest is as for [Corpus].
func Proofs(k *Key, method, address string) *validatortest.ProofCorpus {
	return &validatortest.ProofCorpus{Bind: k.Bind(), Cases: func(token string) []validatortest.Case {
		var cases []validatortest.Case
		add := func(name, reason, scheme string, twice bool, proofs ...string) {
			c := validatortest.Case{
				Family: validatortest.Proofs, Name: name, Reason: reason, Accept: reason == "", Token: token,
				Authorization: []string{scheme + " " + token}, DPoP: proofs, Twice: twice,
			}
			if reason != "" {
				c.Kills, c.Neighbour = kills[reason], "good"
			}
			cases = append(cases, c)
		}
		for _, c := range Corpus(k, method, address, token) {
			add(c.Name, c.Reason, "DPoP", false, c.Proofs...)
		}
		add("the same proof again", "proof_replayed", "DPoP", true, k.Proof(method, address, token))
		add("sent as Bearer", "proof_scheme", "Bearer", false, k.Proof(method, address, token))
		add("sent as Bearer without a proof", "proof_missing", "Bearer", false)
		return cases
	}}
}

// NonceProofs is the corpus for an API that demands a nonce of its own in each proof (RFC
// 9449 section 9). nonce returns one that is good now for k, such as the DPoP-Nonce header
// of the API's last answer: it is called whenever cases are made.
func NonceProofs(k *Key, method, address string, nonce func() string) *validatortest.ProofCorpus {
	return &validatortest.ProofCorpus{Bind: k.Bind(), Cases: func(token string) []validatortest.Case {
		var cases []validatortest.Case
		good := nonce()
		add := func(name, reason string, twice bool, edit validatortest.Edit) {
			c := validatortest.Case{
				Family: validatortest.Proofs, Name: name, Reason: reason, Accept: reason == "", Token: token,
				Authorization: []string{"DPoP " + token}, DPoP: []string{k.Proof(method, address, token, edit)}, Twice: twice,
			}
			if reason != "" {
				c.Kills, c.Neighbour = kills[reason], "nonce"
			}
			cases = append(cases, c)
		}
		is := func(value any) validatortest.Edit { return claim("nonce", value) }
		add("nonce", "", false, is(good))
		add("no nonce", "proof_nonce", false, no("nonce"))
		for name, value := range map[string]string{
			"empty": "", "of another server": "eyJ7S_zG.eyJH0-Z.HX4w-7v", "cut": good[:len(good)-1], "with one more character": good + "A",
			"with padding": good + "=", "with a blank": good + " ", "of as many characters": strings.Repeat("A", len(good)), "twice": good + good,
			"in another case": strings.Map(swapCase, good), "changed": good[:len(good)-2] + string(other(good[len(good)-2])) + good[len(good)-1:],
		} {
			add("nonce "+name, "proof_nonce", false, is(value))
		}
		add("nonce number", "proof_malformed", false, is(1))
		add("nonce null", "proof_malformed", false, is(nil))
		add("nonce list", "proof_malformed", false, is([]string{good}))
		add("the same proof with a nonce again", "proof_replayed", true, is(good))
		return cases
	}}
}

func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

// other is another character of base64url.
func other(c byte) byte {
	if c == 'A' {
		return 'B'
	}
	return 'A'
}

// kills are the checks behind the reasons.
var kills = map[string]string{
	"proof_missing": "proof presence", "proof_several": "proof number", "proof_too_large": "proof size", "proof_malformed": "proof form",
	"proof_typ": "proof typ", "proof_algorithm": "proof alg", "proof_key": "proof jwk", "proof_method": "proof htm", "proof_uri": "proof htu",
	"proof_time": "proof iat", "proof_token": "proof ath", "proof_jti": "proof jti", "proof_signature": "proof signature",
	"proof_mismatch": "proof key", "proof_nonce": "proof nonce", "proof_replayed": "proof replay", "proof_scheme": "proof scheme",
}
