package validatortest

// Rule is why a case is hostile.
type Rule struct {
	RFC string // where the rule is from, with the section
	Why string // what follows if it is not kept
}

// rules are those of the checks that cases kill.
var rules = map[string]Rule{
	// What is sent.
	"presence":                 {"RFC 6750 3.1", "A request without a token is from nobody."},
	"size":                     {"none: a bound", "Reading and decoding what a stranger sends must cost no more than a real token does, or few requests exhaust the API."},
	"alphabet":                 {"RFC 6750 2.1", "Bytes that are in no token are read in one way by this API and in another by the proxy or the log in front of it; some base64 readers skip them, so that one token has many spellings."},
	"scheme":                   {"RFC 6750 2.1, RFC 9110 11.1", "What follows another scheme is no bearer token: a password, or a token that is to come with a proof."},
	"one Authorization header": {"RFC 9110 5.3", "Of two headers one hop takes the first and the next the last: what a gateway checked is not what the API uses."},
	"form of the header":       {"RFC 6750 2.1", "A header with more than one token is read in two ways by two readers: what a gateway checked is not what the API uses."},
	"shape":                    {"RFC 7515 3.1", "A compact JWS has three parts. What has others is signed by nobody, or read in part."},
	"base64url":                {"RFC 7515 2", "Padding, blanks and unused bits give one token many spellings: deny lists and caches by its text miss it."},
	"base64url of the header":  {"RFC 7515 2", "Padding, blanks and unused bits give one token many spellings: deny lists and caches by its text miss it."},

	"base64url of the signature": {"RFC 7515 2", "Padding, blanks and unused bits give one token many spellings: deny lists and caches by its text miss it."},

	// JWTs.
	"strict JSON":                  {"RFC 7519 7.2, RFC 8259", "Claims that are not one JSON object are read in two ways by two readers."},
	"duplicate members":            {"RFC 7519 4", "Of two members of one name one reader takes the first and another the last: the API may see another issuer, user or expiry than the gateway that checked it."},
	"duplicate header members":     {"RFC 7515 4", "Of two members of one name one reader takes the first and another the last: the algorithm that is checked is not the one that is used."},
	"names that look alike":        {"RFC 7519 7.2 (names compare by code point)", "A reader that folds case or look-alike letters takes this for the claim itself, and another one does not."},
	"header names that look alike": {"RFC 7515 5.3", "A reader that folds case or look-alike letters takes this for the parameter itself, and another one does not."},
	"header types":                 {"RFC 7515 4.1", "A header parameter of a wrong type was issued by no server; what a library makes of it is chance."},
	"claim types":                  {"RFC 7519 4.1", "A claim of a wrong type is taken for an absent one by many libraries, and the check that needs it is then off."},
	"NumericDate":                  {"RFC 7519 2", "A date that is none, or beyond all dates, overflows: the token is good for ever."},
	"crit and b64":                 {"RFC 7515 4.1.11, RFC 7797", "crit says: refuse me if you do not understand these. Who ignores it accepts a token under rules that were not checked."},
	"form of typ":                  {"RFC 7515 4.1.9", "A typ that is no media type is no mark of an access token."},
	"iss":                          {"RFC 9068 4, RFC 8725 3.8", "Tokens of an issuer that nobody configured are anybody's."},
	"tenants":                      {"RFC 8725 3.8", "Anybody can have a tenant: its tokens are signed by the same keys."},
	"tid":                          {"RFC 8725 3.8", "A token that names two tenants is checked for one, and used for the other."},
	"kind of token":                {"RFC 9068 4, RFC 8725 3.11, OpenID Connect Core 2", "An ID token, a refresh token or a logout token of the same issuer has a good signature, too. It is given to other parties, and whoever has it could call the API."},
	"required claims":              {"RFC 9068 2.2", "A token without the claims of its profile was not issued under it."},
	"alg":                          {"RFC 8725 3.1 and 3.2", "If the sender chooses the algorithm, it is none, or an HMAC with the public key for its secret: anybody makes tokens."},
	"exp required":                 {"RFC 9068 2.2", "A token without exp is good for ever: one that leaks can never be outlived."},
	"exp":                          {"RFC 7519 4.1.4", "An expired token is one that somebody else may have by now, and that no revocation is kept for."},
	"iat":                          {"RFC 7519 4.1.6", "A token from the future outlives what is known of revocations, and tells of a clock or an issuer gone wrong."},
	"nbf":                          {"RFC 7519 4.1.5", "The issuer said that it is not good yet."},
	"aud required":                 {"RFC 9068 2.2", "A token for nobody is a token for any API: each that takes it in can use it at all others."},
	"aud":                          {"RFC 7519 4.1.3, RFC 9068 4", "A token for another API: whoever runs that one, or breaks into it, calls this one in the name of its users."},
	"client required":              {"RFC 9068 2.2", "Without a client nobody can say to whom the token was given."},
	"client":                       {"RFC 9068 2.2", "A token of a client that was not meant for this API: any application of the tenant could get one."},
	"client conflict":              {"RFC 9068 2.2", "Claims that name two clients: one is checked, and the other used."},
	"scope conflict":               {"RFC 6749 3.3, RFC 9068 2.2.3", "Claims that name two lists of scopes: one is checked, and the other used."},
	"scope alphabet":               {"RFC 6749 3.3", "A scope with a blank or a quote is split by one reader into scopes that were not granted."},
	"form of cnf":                  {"RFC 7800 3.1", "A binding that cannot be read is a binding all the same: who ignores it accepts a stolen token."},
	"kind of cnf":                  {"RFC 7800 3.1", "The token is bound to a key in a way that is not understood here. Who ignores that accepts a stolen token."},
	"binding":                      {"RFC 9449 6.1", "The token is bound to a key that it does not name: it would pass as a bearer token."},
	"proof":                        {"RFC 9449 7.1, RFC 8705 3", "The token is bound to a key, and whoever sent it did not show the key: it works for a thief as well."},
	"key by kid":                   {"RFC 7515 4.1.4, RFC 8725 3.10", "The key is what the token names or brings: an attacker signs with a key of their own."},
	"signature":                    {"RFC 7515 5.2", "Nobody has vouched for the claims: anybody makes tokens."},

	// Keys.
	"use of a key":                {"RFC 7517 4.2 and 4.3", "The key is listed for something else, such as encryption: who may use it there must not sign tokens with it."},
	"alg of a key":                {"RFC 7517 4.4, RFC 8725 3.1", "The key is listed for another algorithm: one key for two of them lets an attack on one break the other."},
	"kind of a key":               {"RFC 7518 6", "What cannot verify signatures is no key; a secret in a public set signs for everybody who can read it."},
	"strict JSON of a key":        {"RFC 7517 4", "A key that two readers read in two ways is two keys: one of them is not the issuer's."},
	"strength of a key":           {"RFC 7518 3.3 and 6", "With a short, degenerate or invalid key others than the issuer can make signatures; a huge one makes each check of a stranger's token expensive."},
	"private members":             {"RFC 7517 9.2", "The private key is published: anybody who can read the set makes tokens."},
	"one key for a kid":           {"RFC 7517 4.5, RFC 8725 3.10", "Which key is meant is a guess, and a guess lets a key stand in for another one."},
	"strict JSON of a key set":    {"RFC 7517 5", "What is no key set, or two in one, says nothing about keys: a token is then neither good nor bad."},
	"a key set without keys":      {"RFC 7517 5", "A server that lists no keys is in trouble: that is no verdict about its tokens."},
	"status of the key server":    {"RFC 9110 15", "An error page, or a part, is not what the issuer lists: who believes it lets whatever stands in between choose the keys."},
	"size of a key set":           {"none: a bound", "Whoever answers for the keys, or stands in between, can exhaust the memory of the API, with few bytes if they are compressed."},
	"redirects of the key server": {"RFC 8725 3.10", "An address on another host is one that nobody configured: an open redirect at the issuer is enough to choose the keys, and to have the API call any address."},
	"outage of the key server":    {"RFC 9110 15.6", "Without keys nothing is known. Who says 401 logs all users out for as long as the trouble lasts, and who says 200 lets everybody in."},
	"metadata of the issuer":      {"RFC 8414 3.3", "Metadata that are not those of the configured issuer lead to keys of somebody else."},

	// Introspection.
	"strict JSON of an answer":           {"RFC 7662 2.2, RFC 8259", "What is no answer says nothing about the token; read leniently it may say that it is active."},
	"active":                             {"RFC 7662 2.2", "Only the JSON value true says that the token is active: text, numbers and objects are true to some languages."},
	"duplicate members of an answer":     {"RFC 8259 4", "Of two members of one name one reader takes the first and another the last."},
	"names of an answer that look alike": {"RFC 8259 4", "A reader that folds case takes this for the member itself, and another one does not."},
	"types of an answer":                 {"RFC 7662 2.2", "A member of a wrong type is taken for an absent one by many libraries, and the check that needs it is then off."},
	"iss of an answer":                   {"RFC 7662 2.2", "The token is of another issuer than the one that was asked."},
	"status of an answer":                {"RFC 7662 2.3", "Only 200 is an answer. Everything else says nothing about the token: neither yes nor no."},
	"size of an answer":                  {"none: a bound", "Whoever answers, or stands in between, can exhaust the memory of the API."},
	"exp of an answer":                   {"RFC 7662 4", "The answer says that the token has expired, or never will: it would be kept for ever."},
	"nbf of an answer":                   {"RFC 7662 2.2", "The issuer said that it is not good yet."},
	"iat of an answer":                   {"RFC 7662 2.2", "A token from the future outlives what is known of revocations."},
	"aud of an answer":                   {"RFC 7662 2.2 and 4", "An active token for another API: the server says for whom it is, and the API has to look."},
	"client of an answer":                {"RFC 7662 2.2", "An active token of a client that was not meant for this API, or of two clients at once."},
	"scopes of an answer":                {"RFC 7662 2.2", "Members that name two lists of scopes: one is checked, and the other used."},
	"kind of an answer":                  {"RFC 7662 2.1 and 2.2", "Servers answer for refresh tokens too: active does not say that it is an access token."},
	"binding of an answer":               {"RFC 9449 6.2", "The token is bound to a key that the answer does not name: it would pass as a bearer token."},
	"answer about a JWT":                 {"RFC 7662 2.2", "The answer contradicts what the token says itself: it is about another token, or the token is not the one that was issued."},

	// Statuses.
	"status":                  {"draft-ietf-oauth-status-list 8.3", "The issuer published that the token is revoked or suspended, or nobody can say: it works for whoever has it."},
	"place of a status":       {"draft-ietf-oauth-status-list 6.2", "Where the status is cannot be read, and an unread status is not a good one."},
	"host of a status list":   {"draft-ietf-oauth-status-list 11", "The API asks whatever address a token names: those of its own network, and a host that says that all is well."},
	"status list token":       {"draft-ietf-oauth-status-list 5.1 and 8.3", "Another token of the issuer, or a list of somebody else, an old one or another one, passes for the list that was asked for."},
	"signature of a list":     {"draft-ietf-oauth-status-list 8.3, RFC 7515 5.2", "Nobody has vouched for the list: who stands in between brings revoked tokens back."},
	"content of a list":       {"draft-ietf-oauth-status-list 4", "A list that is none says nothing of the token, and what it becomes when it is decompressed has no bound."},
	"answer of a list server": {"RFC 9110 15", "An error page is not a list: who takes it for an empty one brings revoked tokens back."},

	// Two issuers.
	"keys of another issuer":      {"RFC 8725 3.8 and 3.10", "One issuer's keys make tokens in the name of another: the weakest one speaks for all."},
	"audiences of another issuer": {"RFC 9068 4, RFC 8725 3.9", "An audience is trusted together with its issuer: the issuer of one product makes tokens for another."},

	// Policies.
	"scopes that are demanded":  {"RFC 6750 3.1", "A token that was granted for less does more."},
	"acr":                       {"RFC 9470 3", "The user did not authenticate as strongly as the endpoint demands."},
	"auth_time":                 {"RFC 9470 3", "The user authenticated too long ago: it may be somebody else at the keyboard by now."},
	"age of the token":          {"none: a demand", "The token is older than the endpoint takes."},
	"lifetime of the token":     {"none: a demand", "The issuer issues no such tokens: one that lives longer was a mistake, or outlives what is known of revocations."},
	"audiences of the endpoint": {"RFC 9068 4", "A token for another part of the API opens this one."},
	"issuers of the endpoint":   {"RFC 6749 1.1", "A scope of one product is not that of another: a token of another issuer that the API trusts opens this endpoint."},
	"details that are demanded": {"RFC 9396 2", "A token that was granted for something else, or for less, does this."},
	"form of the details":       {"RFC 9396 2", "What cannot be read permits nothing."},
	"clients of the endpoint":   {"RFC 9068 2.2", "A client that is meant for another part of the API opens this one."},

	// Signals.
	"aud of a signal":             {"RFC 8417 2.2, Back-Channel Logout 2.6", "A signal for another receiver: whoever it was sent to could end sessions here."},
	"required claims of a signal": {"RFC 8417 2.2, Back-Channel Logout 2.4", "Without them nobody knows about whom it is, or whether it was here before."},
	"kind of a signal":            {"RFC 8417 2.3, RFC 8725 3.11, Back-Channel Logout 2.6", "A token of another kind has a good signature, too: with it a client ends sessions, or a logout token passes for an ID token."},
	"events":                      {"RFC 8417 2.2", "An event that cannot be read must come again, not be taken for one that says nothing."},
	"subject of an event":         {"RFC 9493 3", "A subject that cannot be read ends the sessions of nobody, or of somebody else."},
	"revocation":                  {"Back-Channel Logout 2.7", "The session is over by its issuer's word, and its token still works."},

	// Proofs, by what they say.
	"proof presence":  {"RFC 9449 7.1", "A token that is bound to a key works without the key: for a thief as well."},
	"proof number":    {"RFC 9449 4.3 (1)", "Of two proofs one reader takes the first and another the last."},
	"proof size":      {"none: a bound", "Reading what a stranger sends must cost no more than a real proof does."},
	"proof form":      {"RFC 9449 4.3 (2)", "A proof that is not one strict JWT is read in two ways by two readers."},
	"proof typ":       {"RFC 9449 4.3 (4), RFC 8725 3.11", "Another token of the same key passes for a proof."},
	"proof alg":       {"RFC 9449 4.3 (5)", "A proof by none, or by a secret, proves nothing."},
	"proof jwk":       {"RFC 9449 4.3 (7)", "The key is none, a weak one, or a published one: others sign with it, too."},
	"proof htm":       {"RFC 9449 4.3 (8)", "A proof for reading is used for writing."},
	"proof htu":       {"RFC 9449 4.3 (9)", "A proof for one address is used at another, by whoever runs the first."},
	"proof iat":       {"RFC 9449 4.3 (11), 11.1", "A proof that was made earlier, or ahead, is one that somebody else may have."},
	"proof ath":       {"RFC 9449 4.3 (12)", "A proof for one token is used with another."},
	"proof jti":       {"RFC 9449 4.2", "Without an identifier of its own nobody can tell that a proof was used before."},
	"proof signature": {"RFC 9449 4.3 (6)", "Nobody has shown the key."},
	"proof key":       {"RFC 9449 4.3 (12)", "The proof is of another key than the one that the token is bound to: a thief brings a key of their own."},
	"proof replay":    {"RFC 9449 11.1", "A proof that is seen on its way is used again."},
	"proof nonce":     {"RFC 9449 8 and 9", "A proof that was made in advance, or for another server, is used when it suits a thief."},
	"proof scheme":    {"RFC 9449 7.1", "A bound token sent as a bearer token is not held to its proof by whoever looks at the scheme alone."},
}
