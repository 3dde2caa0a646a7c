package dpoptest

import (
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

// kills are the checks behind the reasons.
var kills = map[string]string{
	"proof_missing": "proof presence", "proof_several": "proof number", "proof_too_large": "proof size", "proof_malformed": "proof form",
	"proof_typ": "proof typ", "proof_algorithm": "proof alg", "proof_key": "proof jwk", "proof_method": "proof htm", "proof_uri": "proof htu",
	"proof_time": "proof iat", "proof_token": "proof ath", "proof_jti": "proof jti", "proof_signature": "proof signature",
	"proof_mismatch": "proof key", "proof_replayed": "proof replay", "proof_scheme": "proof scheme",
}
