package validatortest

// class is what a client is told (RFC 6750 section 3.1, RFC 9449 section 7.1, RFC 9470
// section 3).
type class struct {
	status int
	code   string
}

// classOf is the class of a reason. What is not listed was decided: the token is bad.
func classOf(reason string) (status int, code string) {
	if c, other := classes[reason]; other {
		return c.status, c.code
	}
	return 401, "invalid_token"
}

var (
	noToken     = class{401, ""}
	badRequest  = class{400, "invalid_request"}
	badProof    = class{401, "invalid_dpop_proof"}
	noNonce     = class{401, "use_dpop_nonce"}
	notEnough   = class{403, "insufficient_scope"}
	stepUp      = class{401, "insufficient_user_authentication"}
	unavailable = class{503, ""}
)

var classes = map[string]class{
	"no_token": noToken, "unsupported_scheme": noToken, "token_in_query": noToken,
	"several_authorization_headers": badRequest, "malformed_authorization_header": badRequest,
	"token_alphabet": badRequest, "token_in_second_place": badRequest,

	"proof_several": badProof, "proof_too_large": badProof, "proof_malformed": badProof, "proof_typ": badProof,
	"proof_algorithm": badProof, "proof_key": badProof, "proof_method": badProof, "proof_uri": badProof, "proof_time": badProof,
	"proof_token": badProof, "proof_jti": badProof, "proof_signature": badProof, "proof_replayed": badProof,
	"proof_nonce": noNonce,

	"insufficient_scope": notEnough, "issuer_not_allowed": notEnough, "audience_not_allowed": notEnough, "client_not_allowed": notEnough,
	"authorization_details_insufficient": notEnough, "authorization_details_malformed": notEnough,
	"acr_insufficient": stepUp, "authentication_too_old": stepUp,

	"keys_unavailable": unavailable, "introspection_unavailable": unavailable, "introspection_denied": unavailable,
	"introspection_unsupported": unavailable, "introspection_malformed": unavailable,
	"status_unavailable": unavailable,
}
