// What the provider is: its resources, its clients and the features it has.
import { randomBytes } from 'node:crypto';
import { errors } from 'oidc-provider';
import { algorithms } from './keys.mjs';
import { aliases, mTLS } from './mtls.mjs';
import { Store } from './store.mjs';
import { ciba, findAccount } from './users.mjs';

const scopes = 'orders.read orders.write reports.read';

// A resource is its own audience: urn:api:rs256 and so on, and one opaque.
const resources = new Map([['urn:api:opaque', { scope: scopes, accessTokenFormat: 'opaque' }]]);
for (const alg of algorithms) {
  resources.set(`urn:api:${alg.toLowerCase()}`, { scope: scopes, accessTokenFormat: 'jwt', jwt: { sign: { alg } } });
}

// The orders-api client is the protected API itself: it asks, it is never given a token.
const builtIn = ['orders-service', 'reports-service', 'orders-api'].map((id) => ({
  client_id: id,
  client_secret: `${id}-secret`,
  grant_types: id === 'orders-api' ? [] : ['client_credentials'],
}));

const cookieKey = randomBytes(32).toString('hex');

// Every proof needs a nonce of the provider's (RFC 9449 8).
const dPoP = { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true };

// settings makes the configuration of a Provider: clients beside the built-in
// ones, its keys, and the origin of the listener for mutual TLS, if there is one.
export const settings = ({ clients, keys, mtlsOrigin }) => ({
  adapter: Store,
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth',
  ],
  clientDefaults: { redirect_uris: [], response_types: [] },
  clients: [...builtIn, ...clients],
  cookies: { keys: [cookieKey] },
  discovery: aliases(mtlsOrigin),
  enabledJWA: { dPoPSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'] },
  features: {
    backchannelLogout: { enabled: true },
    ciba,
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP,
    introspection: { enabled: true },
    // Every client is offered signed answers where there are any, so a server
    // has them only for a client that asks for them.
    jwtIntrospection: { enabled: clients.some((client) => client.introspection_signed_response_alg) },
    mTLS,
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(ctx, resource) {
        if (!resources.has(resource)) throw new errors.InvalidTarget();
        return resources.get(resource);
      },
    },
    revocation: { enabled: true },
  },
  // The dispatcher that it brings refuses loopback, where the tests' clients are.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount,
  jwks: { keys },
  ttl: { AccessToken: 600, ClientCredentials: 600, RefreshToken: 600 },
});
