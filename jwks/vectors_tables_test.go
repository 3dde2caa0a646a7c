package jwks_test

// explained is our verdict on a published token, and why.
type explained struct{ verdict, why string }

// refusedByUs are the tokens that are valid by the file and refused by us. There
// is no table for the opposite.
var refusedByUs = map[string]explained{
	"wycheproof-jws-1": mac, "wycheproof-jws-348": mac, "wycheproof-jws-352": mac, "wycheproof-jws-357": mac,
	"wycheproof-jws-358": mac, "wycheproof-jws-359": mac, "wycheproof-jws-367": mac, "wycheproof-jws-370": mac,
	"wycheproof-jws-376": mac, "wycheproof-jws-377": mac,
	"wycheproof-jwk-2": mac, "wycheproof-jwk-13": mac, "wycheproof-jwk-14": mac, "wycheproof-jwk-15": mac,
	"wycheproof-jwcrypto-1": mac, "wycheproof-jwcrypto-48": mac,
	"golang-jwt-hmac-19": mac, "golang-jwt-hmac-26": mac, "golang-jwt-hmac-33": mac,
	"rfc7515-A1": mac, "cookbook-4_4.hmac-sha2_integrity_protection-compact": mac,

	"wycheproof-jws-259": emptyPayload, "wycheproof-jws-264": emptyPayload, "wycheproof-jws-268": emptyPayload,
	"wycheproof-jws-272": emptyPayload, "wycheproof-jws-320": emptyPayload, "wycheproof-jws-325": emptyPayload,

	"jwt_verify_lib-verify_jwk_ec-JwtTextECNoKid":       severalFit,
	"jwt_verify_lib-verify_jwk_rsa-JwtTextNoKid":        severalFit,
	"jwt_verify_lib-verify_jwk_rsa-JwtTextNoKidLongExp": severalFit,
	"jwt_verify_lib-verify_jwk_okp-JwtJWKEd25519NoKid":  severalFit,
}

var (
	mac          = explained{unnamed, "a MAC: whoever can check it can make it (RFC 8725 2.1, 3.1)"}
	emptyPayload = explained{badSegment, "fine as a JWS, but no JWT: an empty segment is no claims set (RFC 7519 7.2)"}
	severalFit   = explained{unknownKey, "no kid, and two listed keys fit: guessing is not deciding; the peer tries each"}
)

// undecided are the tokens that the file leaves open.
var undecided = map[string]explained{
	"wycheproof-jws-346": boundElsewhere, "wycheproof-jws-350": boundElsewhere,
	"wycheproof-jws-347": noES521, "wycheproof-jws-351": noES521,
	"wycheproof-jwk-7": roca, "wycheproof-jwcrypto-46": roca,
	"golang-jwt-rsa_pss-21": longSalt, "golang-jwt-rsa_pss-28": longSalt, "golang-jwt-rsa_pss-35": longSalt,
	"golang-jwt-ed25519-19": {unnamed, "ED25519 is no registered name: EdDSA (RFC 8037) and Ed25519 (RFC 9864) are"},
	"jwt_verify_lib-verify_jwk_ec-JwtES512Text": {accepted,
		"y lacks its leading zero octet, which RFC 7518 6.2.1.3 wants: the point is the same, and a key is known by its point"},
}

var (
	boundElsewhere = explained{unknownKey, "the key is for PS256 (RFC 7517 4.4), the token says PS384"}
	noES521        = explained{usable(0, wrongAlg), "the key is for ES521, which does not exist"}
	roca           = explained{accepted, "a modulus of the ROCA generator: not tested for; the key is the server's choice"}
	longSalt       = explained{badSignature, "a salt that is not as long as the hash (RFC 7518 3.5)"}
)
