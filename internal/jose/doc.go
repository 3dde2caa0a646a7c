// Package jose reads JWS compact serialisations and JSON objects strictly, and
// verifies signatures with the algorithm bound to the key.
//
// Nothing here decides on a claim: the package answers "is this exactly one JWS"
// and "did this key sign exactly these bytes". It holds the only call of
// golang-jwt's Verify in the module.
package jose
