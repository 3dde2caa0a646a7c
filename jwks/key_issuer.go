package jwks

// Issuer is the key's member issuer.
func (k *Key) Issuer() string { return "" }
