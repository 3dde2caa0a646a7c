package jwks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// publishedSet is a key set of another project's tests; see testdata/README.md.
type publishedSet struct {
	ID          string
	Body        string
	Usable      *int   `json:"peer_usable_keys"`
	Status      string `json:"peer_status"`
	Recommended string // where the project itself gives no verdict
}

// expects reports whether our verdict is what the file expects, and whether the
// file expects anything.
func (c publishedSet) expects(verdict string) (agreed, decided bool) {
	none := strings.HasPrefix(verdict, usable(0))
	switch {
	case c.Usable != nil && *c.Usable > 0:
		return strings.HasPrefix(verdict, usable(*c.Usable)), true
	case c.Status == "Ok":
		return verdict != notASet && !none, true
	case c.Recommended == "error": // of the set as a whole
		return verdict == notASet, true
	case c.Recommended == "skip-key":
		return strings.HasPrefix(verdict, usable(0)+skipping), true
	case c.Recommended == "no-usable-key": // an unreadable set has none either
		return verdict == notASet || none, true
	}
	return false, c.Recommended != "open"
}

// setDisagreements are the sets that we judge otherwise than the file, and why.
var setDisagreements = map[string]string{
	"jwt_verify_lib-jwks-JwksECMissingBothAlgCrvES256": noCurve,
	"jwt_verify_lib-jwks-JwkECMissingCrv":              noCurve,
	"jwt_verify_lib-jwks-JwksECUnspecifiedCrv":         noCurve,
	"jwt_verify_lib-jwks-goodPEMRSA":                   noPEM,
	"jwt_verify_lib-jwks-goodPEMEC":                    noPEM,
	"jwt_verify_lib-jwks-goodPEMEd25519":               noPEM,
	"jwt_verify_lib-jwks-addKeyFromPemSuccess":         noPEM,
	"jwks-malformed-keys-array-of-null":                eachByItself,
	"jwks-malformed-keys-array-of-number":              eachByItself,
	"jwks-malformed-keys-array-of-array":               eachByItself,
	"jwks-key-key_ops-null":                            "null is an absent key_ops: nothing that the key could not do",
	"jwks-key-key_ops-dup":                             "verify said twice (RFC 7517 4.3 forbids it) is still verify",
}

const (
	noCurve      = "RFC 7518 6.2.1: crv must be present; the peer guesses it from alg, or takes P-256"
	noPEM        = "a PEM file is no JWK Set"
	eachByItself = "a member of keys that is no JWK is one bad key (RFC 7517 5: ignore it), beside which others would count"
)

// ownVerdicts is what we make of each set.
var ownVerdicts = map[string]string{
	"jwt_verify_lib-jwks-GoodJwks":                         usable(2),
	"jwt_verify_lib-jwks-GoodEC":                           usable(4),
	"jwt_verify_lib-jwks-GoodOKP":                          usable(1),
	"jwt_verify_lib-jwks-EmptyJwks":                        notASet,
	"jwt_verify_lib-jwks-JwksNoKeys":                       notASet,
	"jwt_verify_lib-jwks-JwksWrongKeys":                    notASet,
	"jwt_verify_lib-jwks-JwksInvalidKty":                   usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksMismatchKty1":                 usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksMismatchKty2":                 usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksIgnoreUnsupportedKey":         usable(1, wrongType),
	"jwt_verify_lib-jwks-JwksIgnoreUnsupportedKeyInMiddle": usable(2, wrongType),
	"jwt_verify_lib-jwks-JwksIgnoreUnsupportedKeySolo":     usable(0, wrongType),
	"jwt_verify_lib-jwks-JwksECNoXY":                       usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksRSANoNE":                      usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksRSAKeyBadN":                   usable(0, notAKey),
	"jwt_verify_lib-jwks-JwksRSAKeyMissingE":               usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksRSAKeyBadE":                   usable(0, notAKey),
	"jwt_verify_lib-jwks-JwksECXYBadBase64":                usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECWrongXY":                    usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksRSAWrongNE":                   usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksRSAInvalidN":                  usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksOKPXBadBase64":                usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksOKPXWrongLength":              usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECMatchAlgES256WrongCrvType":  usable(0, notAKey),
	"jwt_verify_lib-jwks-JwksECMatchAlgES256WrongXType":    usable(0, notAKey),
	"jwt_verify_lib-jwks-JwksECMatchAlgES256WrongMissingY": usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECMatchAlgES256WrongBadY":     usable(0, notAKey),
	"jwt_verify_lib-jwks-JwksJwkMissingKty":                usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksJwkBadKty":                    usable(0, notAKey),
	"jwt_verify_lib-jwks-JwksJwkOctBadAlg":                 usable(0, symmetric),
	"jwt_verify_lib-jwks-JwksJwkOctBadMissingK":            usable(0, symmetric),
	"jwt_verify_lib-jwks-JwksJwkOctBadK":                   usable(0, notAKey),
	"jwt_verify_lib-jwks-JwksJwkOctBadBase64":              usable(0, symmetric),
	"jwt_verify_lib-jwks-JwksECMatchAlgES256CrvP256":       usable(1),
	"jwt_verify_lib-jwks-JwksECMatchAlgES384CrvP384":       usable(1),
	"jwt_verify_lib-jwks-JwksECMatchAlgES512CrvP521":       usable(1),
	"jwt_verify_lib-jwks-JwksECMissingBothAlgCrvES256":     usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECMissingBothAlgES384":        usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECMismatchAlgCrv1":            usable(0, unreadable),
	"jwt_verify_lib-jwks-JwkECMissingAlg":                  usable(1),
	"jwt_verify_lib-jwks-JwkECMissingCrv":                  usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECMismatchAlgCrv2":            usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECMismatchAlgCrv3":            usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECNotSupportedCrv":            usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksECUnspecifiedCrv":             usable(0, unreadable, unreadable, unreadable),
	"jwt_verify_lib-jwks-JwksOKPKeyBadAlg":                 usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksOKPKeyMissingCrv":             usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksOKPKeyBadCrv":                 usable(0, notAKey),
	"jwt_verify_lib-jwks-JwksOKPKeyCrvUnsupported":         usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksOKPKeyMissingX":               usable(0, unreadable),
	"jwt_verify_lib-jwks-JwksOKPKeyBadX":                   usable(0, notAKey),
	"jwt_verify_lib-jwks-goodPEMRSA":                       notASet,
	"jwt_verify_lib-jwks-goodPEMEC":                        notASet,
	"jwt_verify_lib-jwks-goodPEMEd25519":                   notASet,
	"jwt_verify_lib-jwks-PemWrongHeader":                   notASet,
	"jwt_verify_lib-jwks-PemInvalidKey":                    notASet,
	"jwt_verify_lib-jwks-PemDsaUnimplimented":              notASet,
	"jwt_verify_lib-jwks-addKeyFromPemSuccess":             notASet,
	"jwks-malformed-null":                                  notASet,
	"jwks-malformed-empty-object":                          notASet,
	"jwks-malformed-keys-null":                             notASet,
	"jwks-malformed-keys-object":                           notASet,
	"jwks-malformed-keys-array-of-null":                    usable(0, unreadable),
	"jwks-malformed-keys-array-of-number":                  usable(0, notAKey),
	"jwks-malformed-keys-array-of-array":                   usable(0, notAKey),
	"jwks-malformed-top-level-array":                       notASet,
	"jwks-malformed-number":                                notASet,
	"jwks-malformed-truncated":                             notASet,
	"jwks-malformed-html":                                  notASet,
	"jwks-malformed-empty-body":                            notASet,
	"jwks-malformed-keys-empty-array":                      usable(0),
	"jwks-malformed-BOM":                                   notASet,
	"jwks-malformed-trailing-garbage":                      notASet,
	"jwks-malformed-duplicate-keys-member":                 notASet,
	"jwks-key-use-number":                                  usable(0, notAKey),
	"jwks-key-alg-number":                                  usable(0, notAKey),
	"jwks-key-key_ops-null":                                usable(1),
	"jwks-key-key_ops-object":                              usable(0, notAKey),
	"jwks-key-key_ops-string":                              usable(0, notAKey),
	"jwks-key-key_ops-dup":                                 usable(1),
	"jwks-key-key_ops-nonstring":                           usable(0, notAKey),
	"jwks-key-key_ops-sign-only":                           usable(0, opsNotVerify),
	"jwks-key-use-enc":                                     usable(0, useIsNotSig),
	"jwks-key-use-unknown":                                 usable(0, useIsNotSig),
	"jwks-key-kid-number":                                  usable(0, notAKey),
	"jwks-key-kty-missing":                                 usable(0, unreadable),
	"jwks-key-kid-empty":                                   usable(1),
}

func TestPublishedKeySets(t *testing.T) {
	var file struct{ Cases []publishedSet }
	readVectors(t, "testdata/jwks_bodies.json", &file)
	require.Len(t, file.Cases, 87)
	assert.Len(t, ownVerdicts, 87)

	l := newLibrary(t)
	agreed, differed, open := 0, 0, 0
	for _, c := range file.Cases {
		verdict := l.verdict(t, c.Body)
		assert.Equal(t, ownVerdicts[c.ID], verdict, c.ID)
		agrees, decided := c.expects(verdict)
		why, listed := setDisagreements[c.ID]
		assert.Equal(t, listed, decided && !agrees, "%s: disagreement listed (%s), or found", c.ID, why)
		switch {
		case !decided:
			open++
		case agrees:
			agreed++
		default:
			differed++
		}
	}
	assert.Equal(t, 73, agreed)
	assert.Equal(t, 2, open)
	assert.Equal(t, len(setDisagreements), differed)
}
