// A real authorization server on loopback for the interop tests.
//
// stdout speaks one JSON object per line: first {"issuer"}, then one answer to
// each command read from stdin. {"cmd":"rotate"} puts a new key for every
// algorithm before the listed ones; {"cmd":"withdraw"} leaves only the newest.
// {"cmd":"register","client":{}} adds a client, or changes it, by its metadata (RFC 7591);
// {"cmd":"log_out","client_id","user","sid"} tells a client by back channel that a
// user's session is over, and answers when the client has.
// {"cmd":"listen_tls","key","cert","ca"}, all PEM, opens the listener for mutual
// TLS and answers with its origin. It ends with its stdin, so it never outlives
// the test that started it.
import { Console } from 'node:console';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';
import { newKeys } from './keys.mjs';
import { listen } from './mtls.mjs';
import { settings } from './settings.mjs';

// stdout carries the protocol alone; whatever a library has to say goes to stderr.
globalThis.console = new Console(process.stderr);

// A provider's settings are fixed, so each change of them is a new provider behind
// the same socket; requests under way finish with the one they began with.
let provider;
let handler;
const handle = (request, response) => handler(request, response);
const server = createServer(handle);
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const issuer = `http://127.0.0.1:${server.address().port}`;

const generations = [await newKeys(1)];
const clients = new Map();
let count = 1;
let mtlsOrigin;

const serve = () => {
  provider = new Provider(issuer, settings({ clients: [...clients.values()], keys: generations.flat(), mtlsOrigin }));
  handler = provider.callback();
};
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
  register({ client }) {
    clients.set(client.client_id, client);
    serve();
    return {};
  },
  async log_out({ client_id: id, user, sid }) {
    const client = await provider.Client.find(id);
    try {
      await client.backchannelLogout(user, sid);
    } catch (error) {
      return { error: error.message };
    }
    return {};
  },
  async listen_tls(certificates) {
    mtlsOrigin = await listen(certificates, handle);
    serve();
    return { origin: mtlsOrigin };
  },
};

serve();
answer({ issuer });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const { cmd } = command;
  answer(Object.hasOwn(commands, cmd) ? await commands[cmd](command) : { error: `unknown command: ${cmd}` });
}
process.exit();
