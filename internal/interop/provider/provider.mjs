// A real authorization server on loopback for the interop tests.
//
// stdout speaks one JSON object per line: first {"issuer"}, then one answer to
// each command read from stdin. {"cmd":"rotate"} puts a new key for every
// algorithm before the listed ones; {"cmd":"withdraw"} leaves only the newest.
// It ends with its stdin, so it never outlives the test that started it.
import { Console } from 'node:console';
import { createPrivateKey, generateKeyPair, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Provider, errors } from 'oidc-provider';

// stdout carries the protocol alone; whatever a library has to say goes to stderr.
globalThis.console = new Console(process.stderr);

// The Ed25519 key names no alg: its JWK then lists none, as many servers do.
const kinds = {
  RS256: { type: 'rsa', options: { modulusLength: 2048 }, jwk: { alg: 'RS256' } },
  PS256: { type: 'rsa', options: { modulusLength: 2048 }, jwk: { alg: 'PS256' } },
  ES256: { type: 'ec', options: { namedCurve: 'P-256' }, jwk: { alg: 'ES256' } },
  ES384: { type: 'ec', options: { namedCurve: 'P-384' }, jwk: { alg: 'ES384' } },
  EdDSA: { type: 'ed25519', options: {}, jwk: {} },
};

const scopes = 'orders.read orders.write reports.read';

// A resource is its own audience: urn:api:rs256 and so on, and one opaque.
const resources = new Map([['urn:api:opaque', { scope: scopes, accessTokenFormat: 'opaque' }]]);
for (const alg of Object.keys(kinds)) {
  resources.set(`urn:api:${alg.toLowerCase()}`, { scope: scopes, accessTokenFormat: 'jwt', jwt: { sign: { alg } } });
}

// The orders-api client is the protected API itself: it asks, it is never given a token.
const clients = ['orders-service', 'reports-service', 'orders-api'].map((id) => ({
  client_id: id,
  client_secret: `${id}-secret`,
  grant_types: id === 'orders-api' ? [] : ['client_credentials'],
  response_types: [],
  redirect_uris: [],
}));

// The built-in memory adapter forgets beyond 1,000 entries and would lose tokens under load.
const stored = new Map();
class Store {
  constructor(model) { this.key = (id) => `${model}:${id}`; }
  async upsert(id, payload) { stored.set(this.key(id), payload); }
  async find(id) { return stored.get(this.key(id)); }
  async destroy(id) { stored.delete(this.key(id)); }
}

// Keys take the way through PEM: on Node 20 the export of a key object that
// this process generated can hang.
async function newKey(alg, generation) {
  const { type, options, jwk } = kinds[alg];
  const { privateKey } = await promisify(generateKeyPair)(type, {
    ...options,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { ...createPrivateKey(privateKey).export({ format: 'jwk' }), ...jwk, use: 'sig', kid: `${alg.toLowerCase()}-${generation}` };
}

const newKeys = (generation) => Promise.all(Object.keys(kinds).map((alg) => newKey(alg, generation)));

const cookieKey = randomBytes(32).toString('hex');

function newHandler(issuer, keys) {
  return new Provider(issuer, {
    adapter: Store,
    clients,
    cookies: { keys: [cookieKey] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(ctx, resource) {
          if (!resources.has(resource)) throw new errors.InvalidTarget();
          return resources.get(resource);
        },
      },
      revocation: { enabled: true },
    },
    jwks: { keys },
    ttl: { ClientCredentials: 600 },
  }).callback();
}

// A provider's keys are fixed, so each change of keys is a new provider behind
// the same socket; requests under way finish with the one they began with.
let handler;
const server = createServer((request, response) => handler(request, response));
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const issuer = `http://127.0.0.1:${server.address().port}`;

const generations = [await newKeys(1)];
let count = 1;

const serve = () => { handler = newHandler(issuer, generations.flat()); };
const kids = () => ({ kids: generations[0].map((key) => key.kid) });
const answer = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);

const commands = {
  async rotate() {
    count += 1;
    generations.unshift(await newKeys(count));
    serve();
    return kids();
  },
  withdraw() {
    generations.splice(1);
    serve();
    return kids();
  },
};

serve();
answer({ issuer });
for await (const line of createInterface({ input: process.stdin })) {
  const { cmd } = JSON.parse(line);
  answer(Object.hasOwn(commands, cmd) ? await commands[cmd]() : { error: `unknown command: ${cmd}` });
}
process.exit();
