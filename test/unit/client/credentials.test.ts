import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { authHeaders, authOfEntry } from '../../../client/credentials/auth-config.ts';
import { canonicalName, registryKey, registryName, registryOf } from '../../../client/credentials/registry-name.ts';
import { eraseCredentials, findCredentials, storeCredentials } from '../../../client/credentials/store.ts';
import { startClient, type Ended } from './run-client.ts';
import { ScriptedDaemon, problem } from './scripted-daemon.ts';

/** Keeps what it is given in a file beside it; "stubborn" always fails. */
const HELPER = `#!/bin/sh
dir=$(dirname "$0")
case $1 in
store) cat > "$dir/kept" ;;
erase) rm -f "$dir/kept" ;;
get) if [ -f "$dir/kept" ]; then cat "$dir/kept"; else echo "credentials not found in native keychain"; exit 1; fi ;;
esac
`;

describe('names of registries', () => {
  it('are read out of names of images', () => {
    const names: Readonly<Record<string, string>> = {
      debian: 'docker.io',
      'you/app:1': 'docker.io',
      'ghcr.io/you/app': 'ghcr.io',
      'localhost/app': 'localhost',
      '127.0.0.1:5000/app@sha256:1': '127.0.0.1:5000',
      '[::1]:5000/app': '[::1]:5000',
      'index.docker.io/library/debian': 'docker.io',
    };
    for (const [name, registry] of Object.entries(names)) assert.equal(registryOf(name), registry, name);
  });

  it('have one form, and one key', () => {
    assert.equal(registryName('https://GHCR.io/v2/'), 'ghcr.io');
    for (const hub of ['', 'docker.io', 'https://index.docker.io/v1/']) assert.equal(registryName(hub), 'docker.io');
    assert.equal(registryKey('docker.io'), 'https://index.docker.io/v1/');
    assert.equal(registryKey('ghcr.io'), 'ghcr.io');
    assert.equal(canonicalName('debian:12'), 'docker.io/library/debian:12');
    assert.equal(canonicalName('you/app:1'), 'docker.io/you/app:1');
    assert.equal(canonicalName('ghcr.io/you/app:1'), 'ghcr.io/you/app:1');
  });
});

describe('credentials', () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;
  const file = (): string => join(folder, 'config.json');
  const write = (fields: object): void => {
    writeFileSync(file(), JSON.stringify(fields));
  };
  const read = (): Record<string, unknown> => JSON.parse(readFileSync(file(), 'utf8')) as Record<string, unknown>;
  const pathBefore = process.env.PATH;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tare-credentials-'));
    environment = { DOCKER_CONFIG: folder };
    writeFileSync(join(folder, 'docker-credential-test'), HELPER, { mode: 0o755 });
    process.env.PATH = `${folder}:${pathBefore ?? ''}`;
  });
  afterEach(() => {
    process.env.PATH = pathBefore;
    rmSync(folder, { recursive: true });
  });

  it('are found under every spelling of their registry', async () => {
    const auth = Buffer.from('me:a:b').toString('base64');
    write({
      auths: { 'https://ghcr.io/v2/': { auth }, 'https://index.docker.io/v1/': { identitytoken: 't' }, 'quay.io': {} },
    });
    assert.deepEqual(await findCredentials('ghcr.io', environment), { username: 'me', password: 'a:b' });
    assert.deepEqual(await findCredentials('docker.io', environment), { identitytoken: 't' });
    assert.equal(await findCredentials('quay.io', environment), undefined);
    assert.equal(await findCredentials('other.io', environment), undefined);
  });

  it('are kept in the file for its owner alone, with all else that was in it', async () => {
    write({
      auths: { 'ghcr.io': { auth: 'eDp5' }, 'https://quay.io': { auth: 'eDp5' } },
      psFormat: 'x',
      plugins: { a: 1 },
    });
    const kept = { username: 'me', password: 'secret' };
    assert.equal(await storeCredentials('ghcr.io', kept, environment), file());
    assert.equal(statSync(file()).mode & 0o777, 0o600);
    assert.deepEqual(read(), {
      auths: { 'ghcr.io': { auth: Buffer.from('me:secret').toString('base64') }, 'https://quay.io': { auth: 'eDp5' } },
      psFormat: 'x',
      plugins: { a: 1 },
    });
    assert.deepEqual(await findCredentials('ghcr.io', environment), kept);
    assert.equal(await eraseCredentials('quay.io', environment), true);
    assert.equal(await eraseCredentials('quay.io', environment), false);
    assert.deepEqual(Object.keys(read().auths as object), ['ghcr.io']);
  });

  it('lie below the home directory, and a link to the file stays one', async () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    await storeCredentials('ghcr.io', { username: 'a', password: 'b' }, { HOME: home });
    assert.equal(statSync(join(home, '.docker')).mode & 0o777, 0o700);
    symlinkSync(join(home, '.docker/config.json'), file());
    await storeCredentials('quay.io', { username: 'c', password: 'd' }, environment);
    assert.equal(readlinkSync(file()), join(home, '.docker/config.json'));
    assert.deepEqual(Object.keys(read().auths as object), ['ghcr.io', 'quay.io']);
  });

  it('are asked of a helper, and given to it', async () => {
    write({ credHelpers: { 'ghcr.io': 'test' }, auths: { 'ghcr.io': { auth: 'eDp5' } } });
    assert.equal(await findCredentials('ghcr.io', environment), undefined);
    assert.equal(await storeCredentials('ghcr.io', { username: 'me', identitytoken: 't' }, environment), undefined);
    assert.deepEqual(JSON.parse(readFileSync(join(folder, 'kept'), 'utf8')), {
      ServerURL: 'ghcr.io',
      Username: '<token>',
      Secret: 't',
    });
    assert.deepEqual(read().auths, { 'ghcr.io': {} });
    assert.deepEqual(await findCredentials('ghcr.io', environment), { identitytoken: 't' });
    assert.equal(await eraseCredentials('ghcr.io', environment), true);
    assert.equal(await findCredentials('ghcr.io', environment), undefined);
  });

  it('say which helper fails, and never run another program', async () => {
    write({ credsStore: 'absent' });
    await assert.rejects(findCredentials('ghcr.io', environment), /docker-credential-absent: it is not installed/);
    write({ credsStore: '../../bin/sh' });
    await assert.rejects(findCredentials('ghcr.io', environment), /is not the name of a credential helper/);
    writeFileSync(file(), '{ "auths": secret');
    await assert.rejects(findCredentials('ghcr.io', environment), /^CliError: .*config[.]json is not a json object$/);
  });

  it('become a header, or nothing', () => {
    const [line = ''] = authHeaders({ username: 'a', password: 'b' });
    assert.deepEqual(JSON.parse(Buffer.from(line.replace('X-Registry-Auth: ', ''), 'base64url').toString()), {
      username: 'a',
      password: 'b',
    });
    assert.deepEqual(authHeaders(undefined), []);
    for (const entry of [null, 7, {}, { auth: '' }, { auth: 'eA==' }, { username: 'x' }]) {
      assert.equal(authOfEntry(entry), undefined, JSON.stringify(entry));
    }
  });
});

describe('login and logout', { timeout: 120_000 }, () => {
  let daemon: ScriptedDaemon;
  let folder: string;
  before(async () => {
    daemon = await ScriptedDaemon.listen();
  });
  after(() => daemon.close());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tare-login-'));
    daemon.calls.length = 0;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function tare(input: string, ...words: string[]): Promise<Ended> {
    const client = startClient(daemon.socket, words, { DOCKER_CONFIG: folder });
    client.child.stdin.end(input);
    return client.ended;
  }

  function sent(): unknown {
    const header = daemon.calls[0]?.headers?.['x-registry-auth'] ?? '';
    return JSON.parse(Buffer.from(String(header), 'base64url').toString());
  }

  it('take the password from stdin, ask the daemon and keep the token it gives', async () => {
    daemon.answer = () => ({ status: 200, body: { identityToken: 'kept' } });
    const ended = await tare('secret\n', 'login', '-u', 'me', '--password-stdin', 'https://ghcr.io');
    assert.equal(ended.stdout, 'Login Succeeded\n');
    assert.match(ended.stderr, /stored unencrypted in .*config[.]json/);
    assert.deepEqual(daemon.calls[0]?.body, { registry: 'ghcr.io' });
    assert.deepEqual(sent(), { username: 'me', password: 'secret' });
    daemon.calls.length = 0;
    assert.equal((await tare('', 'login', 'ghcr.io')).stdout, 'Login Succeeded\n');
    assert.deepEqual(sent(), { username: 'me', identitytoken: 'kept' });
    assert.equal((await tare('', 'logout', 'ghcr.io')).stdout, 'Removed the login credentials for ghcr.io\n');
    assert.equal((await tare('', 'logout', 'ghcr.io')).stdout, 'Not logged in to ghcr.io\n');
  });

  it('keep nothing that is refused, and ask nobody who is not there', async () => {
    daemon.answer = () => ({ status: 401, body: problem('registry_unauthorized', 'not accepted', 401) });
    const refused = await tare('wrong', 'login', '-u', 'me', '--password-stdin');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^tare: not accepted$/m);
    assert.throws(() => statSync(join(folder, 'config.json')), /ENOENT/);
    assert.match((await tare('', 'login')).stderr, /stdin is not a terminal/);
    assert.match((await tare('', 'login', '--password-stdin')).stderr, /--password-stdin needs --username/);
  });
});
