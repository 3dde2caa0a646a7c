package main

// class is one kind of client, by what it sends. try makes one attempt, of one request
// or a few. A class that has nothing to send at the moment sends nothing.
type class struct {
	name   string
	weight int // its share of the attempts
	try    func(*client)
}

// classes are all clients. Each checks the rule at its definition on every answer.
func classes() []class {
	return []class{
		{"jwt RS256", 12, func(c *client) { c.signed(0) }},
		{"jwt ES256", 12, func(c *client) { c.signed(1) }},
		{"jwt EdDSA", 12, func(c *client) { c.signed(2) }},
		{"jwt never seen", 6, (*client).fresh},
		{"jwt of a new key", 6, (*client).rotated},
		{"jwt of a withdrawn key", 2, (*client).withdrawn},
		{"jwt of an unlisted key", 1, (*client).unlisted},
		{"jwt, scope missing", 2, (*client).forbidden},
		{"jwt revoked now", 1, (*client).revoke},
		{"jwt revoked before", 4, (*client).revoked},
		{"opaque", 10, (*client).opaque},
		{"opaque never seen", 2, (*client).freshOpaque},
		{"opaque junk", 2, (*client).junk},
		{"opaque revoked now", 1, (*client).deactivate},
		{"opaque revoked before", 3, (*client).inactive},
		{"dpop", 6, (*client).bound},
		{"dpop replayed", 2, (*client).replayed},
		{"dpop hostile", 3, (*client).badProof},
		{"mtls", 4, (*client).confirmed},
		{"bound, not proven", 2, (*client).unproven},
		{"corpus, good", 2, (*client).corpusGood},
		{"corpus, hostile", 10, (*client).corpusHostile},
		{"requests, hostile", 3, (*client).badRequest},
	}
}
