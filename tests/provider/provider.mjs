// A provider of OpenID Connect for the tests: oidc-provider (npm), certified by the OpenID Foundation, on this machine.
// Its one argument is JSON: port, client, keys (a JWK Set, private), people (sub to claims), seconds (of an ID token).
// It says `ready` once it listens. Its forms to sign in and to consent are its own; any password will do.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { port, client, keys, people, seconds } = JSON.parse(process.argv[2]);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client],
  jwks: keys,
  cookies: { keys: ['of the tests alone'] },
  claims: { openid: ['sub'], profile: ['name', 'groups'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false, // groups stand in the token, as with most providers
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
  ttl: { IdToken: seconds },
  pkce: { required: () => true },
  fetch: (url, { dispatcher, ...options }) => fetch(url, options), // that one refuses addresses of this machine
  features: { backchannelLogout: { enabled: true } },
  findAccount: (ctx, id) => (id in people ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined),
});
provider.on('server_error', (ctx, error) => console.error(error));
provider.on('grant.error', (ctx, error) => console.error(error.message, error.error_detail));
provider.on('backchannel.error', (ctx, error) => console.error(error));

createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'));
