// Keys, in JWK with their private members.
import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

// The Ed25519 key names no alg: its JWK then lists none, as many servers do.
const kinds = {
  RS256: { type: 'rsa', options: { modulusLength: 2048 }, jwk: { alg: 'RS256' } },
  PS256: { type: 'rsa', options: { modulusLength: 2048 }, jwk: { alg: 'PS256' } },
  ES256: { type: 'ec', options: { namedCurve: 'P-256' }, jwk: { alg: 'ES256' } },
  ES384: { type: 'ec', options: { namedCurve: 'P-384' }, jwk: { alg: 'ES384' } },
  EdDSA: { type: 'ed25519', options: {}, jwk: {} },
};

export const algorithms = Object.keys(kinds);

// newKey makes a key for an algorithm. It takes the way through PEM: on Node 20 the
// export of a key object that this process generated can hang.
export async function newKey(alg, generation) {
  const { type, options, jwk } = kinds[alg];
  const { privateKey } = await promisify(generateKeyPair)(type, {
    ...options,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { ...createPrivateKey(privateKey).export({ format: 'jwk' }), ...jwk, use: 'sig', kid: `${alg.toLowerCase()}-${generation}` };
}

// newKeys makes one key for every algorithm.
export const newKeys = (generation) => Promise.all(algorithms.map((alg) => newKey(alg, generation)));
