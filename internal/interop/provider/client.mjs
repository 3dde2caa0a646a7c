// A client with DPoP keys and certificates, for the interop tests: it gets bound
// tokens from the provider and shows them to an API. The packages dpop and jose make
// its proofs, and Node its connections.
//
// It speaks one JSON object per line: an answer to each command read from stdin.
// {"cmd":"key","library","alg"} makes a key that the library proves with, and answers
// with its number and thumbprint (jkt). {"cmd":"proof","key","method","url","token",
// "nonce"} makes a proof. {"cmd":"request","key","method","url","token","form"} sends a
// request, with a proof if there is a key, and once more if the answer has a nonce and
// asks for it; with "ca" it trusts that authority, with "cert" and "private" it shows
// a certificate, all PEM. It ends with its stdin.
import { randomUUID } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import { createInterface } from 'node:readline';
import * as dpop from 'dpop';
import * as jose from 'jose';
import { newKey } from './keys.mjs';

const hash = async (text) => Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64url');

const libraries = {
  dpop: (pair, { method, url, token, nonce }) => dpop.generateProof(pair, url, method, nonce, token),
  async jose({ alg, privateKey, publicKey }, { method, url, token, nonce }) {
    const claims = { htm: method, htu: url, jti: randomUUID(), nonce, ath: token && await hash(token) };
    return new jose.SignJWT(claims).setIssuedAt()
      .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk: await jose.exportJWK(publicKey) })
      .sign(privateKey);
  },
};

const keys = [];

async function makeKey(alg) {
  const { d, p, q, dp, dq, qi, ...jwk } = await newKey(alg, 1);
  const privateKey = await jose.importJWK({ ...jwk, d, p, q, dp, dq, qi }, alg);
  const publicKey = await jose.importJWK(jwk, alg, { extractable: true });
  return { alg, privateKey, publicKey, jkt: await jose.calculateJwkThumbprint(jwk) };
}

// exchange sends one request and reads the answer to its end.
function exchange({ method, url, token, form, client, ca, cert, private: key }, proof) {
  const headers = { ...(proof && { DPoP: proof }) };
  if (token) headers.Authorization = `${proof ? 'DPoP' : 'Bearer'} ${token}`;
  if (client) headers.Authorization = `Basic ${Buffer.from(`${client}:${client}-secret`).toString('base64')}`;
  if (form) headers['Content-Type'] = 'application/x-www-form-urlencoded';
  const { request } = url.startsWith('https:') ? https : http;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, ca, cert, key, agent: false }, async (response) => {
      let body = '';
      for await (const chunk of response.setEncoding('utf8')) body += chunk;
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    sent.on('error', reject);
    sent.end(form && new URLSearchParams(form).toString());
  });
}

// wantsNonce: an authorization server says it in the body (RFC 9449 8), an API in the
// challenge (9).
const wantsNonce = ({ headers, body }) => headers['dpop-nonce']
  && (body.includes('use_dpop_nonce') || headers['www-authenticate']?.includes('use_dpop_nonce'));

const commands = {
  async key({ library, alg }) {
    const pair = await makeKey(alg);
    keys.push({ ...pair, prove: libraries[library] });
    return { key: keys.length, jkt: pair.jkt };
  },
  async proof({ key, ...request }) {
    return { proof: await keys[key - 1].prove(keys[key - 1], request) };
  },
  async request({ key, ...request }) {
    const send = async () => exchange(request, key && (await commands.proof({ key, ...request })).proof);
    let answer = await send();
    let asked = 1;
    if (wantsNonce(answer)) {
      request.nonce = answer.headers['dpop-nonce'];
      answer = await send();
      asked += 1;
    }
    return { ...answer, asked };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { cmd, ...command } = JSON.parse(line);
  const answer = await commands[cmd](command).catch((error) => ({ error: String(error.cause ?? error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit();
