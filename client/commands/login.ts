import type { LoginResponse } from '../../shared/api/image.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { ask, readSecret } from '../credentials/ask.ts';
import { authHeaders, type AuthConfig } from '../credentials/auth-config.ts';
import { registryName } from '../credentials/registry-name.ts';
import { findCredentials, storeCredentials } from '../credentials/store.ts';
import { EXIT, ProblemError, UsageError } from '../errors.ts';
import { print } from '../output.ts';

export const login: Command = {
  name: 'login',
  usage: '[OPTIONS] [REGISTRY]',
  summary: 'Log in to a registry',
  notes: [
    "Without REGISTRY to docker.io. Credentials are kept where Docker's tools keep them: with the helper that ~/.docker/config.json names (credHelpers, credsStore), else in that file.",
  ],
  flags: [
    { name: 'username', short: 'u', type: 'string', value: 'NAME', summary: 'who you are there' },
    {
      name: 'password',
      short: 'p',
      type: 'string',
      value: 'TEXT',
      summary: 'password or token; others on this machine can see it',
    },
    { name: 'password-stdin', type: 'boolean', summary: 'read the password from stdin' },
  ],
  operands: { min: 0, max: 1 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  run: logIn,
};

async function logIn(input: Arguments, context: Context): Promise<number> {
  checkFlags(input);
  const registry = registryName(input.operands[0] ?? '');
  if (!input.has('username') && !input.has('password') && (await withStored(registry, context))) return 0;
  const auth = await askedFor(input, registry);
  const { identityToken } = await tryLogin(registry, auth, context);
  const kept: AuthConfig = {
    ...(auth.username === undefined ? {} : { username: auth.username }),
    ...(identityToken === undefined ? { password: auth.password ?? '' } : { identitytoken: identityToken }),
  };
  const file = await storeCredentials(registry, kept, context.environment);
  if (file !== undefined) {
    process.stderr.write(
      `tare: warning: the credentials are stored unencrypted in ${file}; a credential helper avoids that\n`,
    );
  }
  print('Login Succeeded\n');
  return 0;
}

function checkFlags(input: Arguments): void {
  if (input.boolean('password-stdin')) {
    if (input.has('password')) throw new UsageError('--password and --password-stdin exclude each other');
    if (!input.has('username')) throw new UsageError('--password-stdin needs --username');
  }
  if (input.has('password')) {
    process.stderr.write('tare: warning: a password on the command line can be seen by others; use --password-stdin\n');
  }
}

/** Whether what is kept for the registry still serves. */
async function withStored(registry: string, context: Context): Promise<boolean> {
  const auth = await findCredentials(registry, context.environment);
  if (auth === undefined) return false;
  process.stderr.write(
    `Authenticating with existing credentials${auth.username === undefined ? '' : ` of ${auth.username}`}...\n`,
  );
  try {
    await tryLogin(registry, auth, context);
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'registry_unauthorized') throw error;
    process.stderr.write('They are not taken any more.\n');
    return false;
  }
  print('Login Succeeded\n');
  return true;
}

async function askedFor(input: Arguments, registry: string): Promise<AuthConfig> {
  const username = input.string('username') ?? (await ask(`Username for ${registry}: `));
  if (username === '') throw new UsageError('the username is empty');
  const password = input.boolean('password-stdin')
    ? await readSecret()
    : (input.string('password') ?? (await ask('Password: ', true)));
  if (password === '') throw new UsageError('the password is empty');
  return { username, password };
}

async function tryLogin(registry: string, auth: AuthConfig, { daemon }: Context): Promise<LoginResponse> {
  const headers = authHeaders(auth);
  return (await daemon.request('POST', '/registries/login', { body: { registry }, headers })) as LoginResponse;
}
