// Mutual TLS (RFC 8705): a second listener where the provider sees the client's
// certificate, and the addresses by which discovery tells of it.
import { createServer } from 'node:https';

const certificate = (ctx) => ctx.socket.getPeerX509Certificate?.();

export const mTLS = {
  enabled: true,
  certificateBoundAccessTokens: true,
  selfSignedTlsClientAuth: true,
  tlsClientAuth: true,
  getCertificate: certificate,
  certificateAuthorized: (ctx) => ctx.socket.authorized,
  // The one kind of subject that the tests register.
  certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_san_dns'
    && certificate(ctx).subjectAltName === `DNS:${expected}`,
};

// listen resolves to the origin of the listener. It lets every certificate in:
// self-signed ones belong to no authority, and the provider judges all of them.
export async function listen({ key, cert, ca }, handler) {
  const server = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: false }, handler);
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return `https://127.0.0.1:${server.address().port}`;
}

// aliases is what discovery says about the listener, if there is one.
export const aliases = (origin) => (origin ? {
  mtls_endpoint_aliases: {
    token_endpoint: `${origin}/token`,
    introspection_endpoint: `${origin}/token/introspection`,
    revocation_endpoint: `${origin}/token/revocation`,
  },
} : {});
