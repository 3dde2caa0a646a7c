package main

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/introspect"
)

const authMethods = "client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth or bearer"

// authFields are the fields that each way of authentication needs and may have.
// Others are refused: they would not do what whoever wrote them believes.
var authFields = map[string]struct{ needs, may []string }{
	"client_secret_basic": {needs: []string{"client_id", "secret_file"}},
	"client_secret_post":  {needs: []string{"client_id", "secret_file"}},
	"private_key_jwt":     {needs: []string{"client_id", "key_file", "alg"}, may: []string{"kid"}},
	"tls_client_auth":     {needs: []string{"client_id", "cert_file", "key_file"}},
	"bearer":              {needs: []string{"secret_file"}},
}

// auth is how we authenticate at an introspection endpoint. Secrets and keys are
// read when they are used, so that they can be rotated, and once now, so that a
// wrong path is found at start.
func (c *config) auth(field string, part *introspectionPart) introspect.Auth {
	method, before := cmp.Or(part.Auth, "client_secret_basic"), len(c.faults)
	rule, known := authFields[method]
	if !known {
		c.fault(field+".auth", "must be "+authMethods)
		return introspect.Auth{}
	}
	for name, value := range map[string]string{
		"client_id": part.ClientID, "secret_file": part.SecretFile, "key_file": part.KeyFile,
		"kid": part.KeyID, "alg": part.Algorithm, "cert_file": part.CertFile,
	} {
		switch needed := slices.Contains(rule.needs, name); {
		case needed && value == "":
			c.fault(field+"."+name, "is required with auth "+method)
		case !needed && value != "" && !slices.Contains(rule.may, name):
			c.fault(field+"."+name, "does not belong to auth "+method)
		}
	}
	if len(c.faults) > before {
		return introspect.Auth{}
	}
	return c.method(field, method, part)
}

func (c *config) method(field, method string, part *introspectionPart) introspect.Auth {
	switch method {
	case "client_secret_post":
		return introspect.ClientSecretPost(part.ClientID, c.secret(field+".secret_file", part.SecretFile))
	case "bearer":
		return introspect.BearerToken(c.secret(field+".secret_file", part.SecretFile))
	case "private_key_jwt":
		path := c.resolve(part.KeyFile)
		key := func(context.Context) (introspect.SigningKey, error) {
			signer, err := readKey(path, part.Algorithm)
			return introspect.SigningKey{KeyID: part.KeyID, Algorithm: part.Algorithm, Key: signer}, err
		}
		_, err := key(context.Background())
		c.found(field+".key_file", err)
		return introspect.PrivateKeyJWT(part.ClientID, key)
	case "tls_client_auth":
		cert, key := c.resolve(part.CertFile), c.resolve(part.KeyFile)
		pair := func(context.Context) (*tls.Certificate, error) { return readPair(cert, key) }
		_, err := pair(context.Background())
		c.found(field+".cert_file", err)
		return introspect.TLSClientAuth(part.ClientID, pair)
	}
	return introspect.ClientSecretBasic(part.ClientID, c.secret(field+".secret_file", part.SecretFile))
}

// found notes what was found wrong with a file that a field names.
func (c *config) found(field string, err error) {
	if err != nil {
		c.fault(field, err.Error())
	}
}

func (c *config) secret(field, path string) introspect.Secret {
	full := c.resolve(path)
	_, err := readSecret(full)
	c.found(field, err)
	return introspect.SecretFunc(func(context.Context) (string, error) { return readSecret(full) })
}

// readSecret reads a secret: the file's text without the line feed at its end.
func readSecret(path string) (string, error) {
	text, err := readFile(path)
	secret := strings.TrimRight(string(text), "\r\n")
	if err == nil && secret == "" {
		err = errors.New("the file is empty")
	}
	return secret, err
}

// readKey reads a private key in PEM (PKCS #8, PKCS #1 or SEC 1) for an algorithm.
func readKey(path, algorithm string) (crypto.Signer, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no PEM block in it")
	}
	key, err := parseKey(block)
	if err != nil {
		return nil, err
	}
	if !fits(key, algorithm) {
		return nil, errors.New("the key does not fit alg " + algorithm)
	}
	return key, nil
}

func parseKey(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("its first PEM block is no private key") // a parser's error may quote it
	}
	return signer, nil
}

// fits reports whether a key can sign with a JWS algorithm (RFC 7518 3.1, RFC 8037).
func fits(key crypto.Signer, algorithm string) bool {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, algorithm)
	case *ecdsa.PrivateKey:
		return algorithm == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Params().BitSize]
	case ed25519.PrivateKey:
		return algorithm == "EdDSA" || algorithm == "Ed25519"
	}
	return false
}

func readPair(cert, key string) (*tls.Certificate, error) {
	certPEM, err := readFile(cert)
	if err != nil {
		return nil, err
	}
	keyPEM, err := readFile(key)
	if err != nil {
		return nil, errors.New("key_file: " + err.Error())
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, errors.New("cert_file and key_file are not a certificate and its key in PEM")
	}
	return &pair, nil
}
