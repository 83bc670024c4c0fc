/** `POST /auth`: whether a registry takes the credentials. */
import { DockerError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';

const HUB = 'docker.io';
/** As docker's CLI calls Docker Hub. */
const HUB_ADDRESSES = /^(https:\/\/)?(index\.docker\.io|registry-1\.docker\.io|docker\.io)(\/v1\/?)?$/;

export const auth: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/auth',
  texts: {
    registry_unauthorized: (error) => new DockerError(401, `unauthorized: ${error.message}`),
    invalid_reference: () => new DockerError(400, 'invalid registry address'),
  },
  async handle({ engine }, call) {
    const body = new Fields(call.body);
    const address = body.text('serveraddress') ?? '';
    const credential = {
      username: body.text('username'),
      password: body.text('password'),
      identitytoken: body.text('identitytoken'),
    };
    const header = Buffer.from(JSON.stringify(credential)).toString('base64url');
    const { identityToken } = await engine.login({ registry: registryOf(address) }, header, call.signal);
    return { status: 200, json: { Status: 'Login Succeeded', IdentityToken: identityToken ?? '' } };
  },
});

function registryOf(address: string): string {
  if (address === '' || HUB_ADDRESSES.test(address)) return HUB;
  return address
    .replace(/^https?:\/\//, '')
    .split('/', 1)
    .join('');
}
