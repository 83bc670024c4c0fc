import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ImageError } from '../../../daemon/images/errors.ts';
import { parseCredential, type Credential } from '../../../daemon/images/registry/credentials.ts';
import { IDENTITY_TOKEN, TestRegistry, type TestAuth } from '../../harness/registry.ts';
import { addImage, collect, content, fails, openBench } from './registry-client.ts';

const USERS = { me: 'pass word:ü' };
const ME: Credential = { kind: 'password', username: 'me', password: USERS.me };
const WRONG: Credential = { kind: 'password', username: 'me', password: 'wrong' };
const BASIC: TestAuth = { kind: 'basic', users: USERS };
const TOKEN: TestAuth = { kind: 'token', users: USERS };

void test('basic authentication: right, wrong, none', async () => {
  await using bench = await openBench({ auth: BASIC, credential: ME });
  const { manifest, layer } = addImage(bench.registry, content(1000));
  assert.deepEqual(await bench.client.resolve(bench.reference), manifest);
  await collect((await bench.client.fetchBlob(bench.reference, layer)).stream);
  // It is asked once; then everybody knows.
  const bare = bench.registry.asked.filter(({ headers }) => headers.authorization === undefined);
  assert.equal(bare.length, 1);
  for (const [credential, pattern] of [
    [WRONG, /credentials do not allow it/],
    [undefined, /log in/],
  ] as const) {
    await using other = await openBench({ auth: BASIC, ...(credential === undefined ? {} : { credential }) });
    addImage(other.registry, content(10));
    const error = await fails(other.client.resolve(other.reference), 'unauthorized', pattern);
    assert.ok(!error.message.includes('wrong'));
    assert.ok(other.registry.asked.length <= 2);
  }
});

void test('token authentication: a token for what is done, kept while it lasts', async () => {
  await using bench = await openBench({ auth: TOKEN, credential: ME });
  const { client, registry, reference } = bench;
  const { manifest, layer } = addImage(registry, content(1000));
  assert.deepEqual(await client.resolve(reference), manifest);
  await client.fetchManifest(reference);
  await Promise.all([1, 2, 3].map(async () => collect((await client.fetchBlob(reference, layer)).stream)));
  const { tokenRequests } = registry.gate;
  assert.equal(tokenRequests.length, 1);
  assert.equal(tokenRequests[0]?.get('service'), 'test registry');
  assert.ok(tokenRequests[0].getAll('scope').includes('repository:team/app:pull'));
  assert.equal(tokenRequests[0].get('offline_token'), null);
  // A token may end before its time: another is fetched, and by one of those who find out.
  registry.gate.revoke();
  await Promise.all([1, 2, 3].map(async () => collect((await client.fetchBlob(reference, layer)).stream)));
  assert.equal(tokenRequests.length, 2);
});

void test('a token for anybody, where the registry gives such', async () => {
  await using bench = await openBench({ auth: { ...TOKEN, isPublic: true } });
  const { client, registry, reference } = bench;
  const { manifest, layer } = addImage(registry, content(1000));
  assert.deepEqual(await client.resolve(reference), manifest);
  const blob = { open: () => [content(1000)] as unknown as AsyncIterable<Uint8Array> };
  await fails(
    client.pushBlob({ ...reference, path: 'other' }, layer, blob),
    'unauthorized',
    /other@sha256.*UNAUTHORIZED.*log in/,
  );
});

void test('wrong credentials and an identity token at the token server', async () => {
  await using wrong = await openBench({ auth: TOKEN, credential: WRONG });
  addImage(wrong.registry, content(10));
  await fails(wrong.client.resolve(wrong.reference), 'unauthorized', /credentials were not accepted/);
  await using none = await openBench({ auth: TOKEN });
  await fails(none.client.resolve(none.reference), 'unauthorized', /credentials are needed/);
  await using identity = await openBench({ auth: TOKEN, credential: { kind: 'identity', token: IDENTITY_TOKEN } });
  const { manifest } = addImage(identity.registry, content(10));
  assert.deepEqual(await identity.client.resolve(identity.reference), manifest);
  const [query] = identity.registry.gate.tokenRequests;
  assert.equal(query?.get('grant_type'), 'refresh_token');
  assert.equal(query.get('scope'), 'repository:team/app:pull');
});

void test('login says whether the credentials are good, and brings an identity token where there is one', async () => {
  await using token = await openBench({ auth: TOKEN, credential: ME });
  assert.deepEqual(await token.client.login(token.registry.host), { identityToken: IDENTITY_TOKEN });
  await using basic = await openBench({ auth: BASIC, credential: ME });
  assert.deepEqual(await basic.client.login(basic.registry.host), {});
  await using open = await openBench();
  assert.deepEqual(await open.client.login(open.registry.host), {});
  for (const auth of [BASIC, TOKEN]) {
    await using wrong = await openBench({ auth, credential: WRONG });
    await fails(wrong.client.login(wrong.registry.host), 'unauthorized', /./);
  }
});

void test('a token server is not gone to in the clear, nor anywhere else it should not be', async () => {
  for (const realm of ['http://tokens.example/', 'file:///etc/passwd', 'http://u:p@127.0.0.1/']) {
    await using bench = await openBench({ auth: { ...TOKEN, realm }, credential: ME });
    await fails(bench.client.resolve(bench.reference), 'redirect_refused', /its token server is/);
  }
  await using thief = await TestRegistry.open();
  await using bench = await openBench({ auth: TOKEN, credential: ME });
  bench.registry.gate.tokenFault = (response) => {
    response.writeHead(307, { location: `${thief.origin}/token` }).end();
    return true;
  };
  await fails(bench.client.resolve(bench.reference), 'unauthorized', /not accepted/);
  assert.ok(thief.asked.length + thief.gate.tokenRequests.length > 0);
  assert.ok(thief.asked.every(({ headers }) => headers.authorization === undefined));
});

void test('answers of a token server that are none', async () => {
  const answers: [string, RegExp][] = [
    ['', /not JSON/],
    ['[]', /not an object/],
    ['{}', /access_token is missing/],
    ['{"token": 5}', /token is not text/],
    ['{"token": "a b"}', /is not a token/],
    [`{"token": "a\\r\\nx: y"}`, /is not a token/],
    ['{"token": "x", "expires_in": "soon"}', /expires_in/],
  ];
  for (const [text, pattern] of answers) {
    await using bench = await openBench({ auth: TOKEN, credential: ME });
    bench.registry.gate.tokenFault = (response) => {
      response.end(text);
      return true;
    };
    await fails(bench.client.resolve(bench.reference), 'registry_invalid', pattern);
  }
  await using busy = await openBench({ auth: TOKEN, credential: ME });
  const { manifest } = addImage(busy.registry, content(10));
  let refusals = 2;
  busy.registry.gate.tokenFault = (response) => {
    if (refusals-- <= 0) return false;
    response.writeHead(503, { 'retry-after': '3' }).end();
    return true;
  };
  assert.deepEqual(await busy.client.resolve(busy.reference), manifest);
  assert.deepEqual(busy.pauses, [3000, 3000]);
});

void test('who stops waiting for a token leaves it to the others', async () => {
  await using bench = await openBench({ auth: TOKEN, credential: ME });
  const { client, reference, registry } = bench;
  const { manifest } = addImage(registry, content(10));
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<() => void>();
  registry.gate.tokenFault = (response) => {
    registry.gate.tokenFault = undefined;
    onAsked(() => response.writeHead(503).end());
    return true;
  };
  const controller = new AbortController();
  const first = client.resolve(reference, { signal: controller.signal });
  const second = client.resolve(reference);
  const release = await asked;
  const reason = new Error('not wanted');
  controller.abort(reason);
  await assert.rejects(first, reason);
  release();
  assert.deepEqual(await second, manifest);
});

function encoded(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

void test('credentials are read as docker sends them', () => {
  const read = (value: unknown): Credential | undefined => parseCredential(encoded(value));
  assert.equal(parseCredential(''), undefined);
  assert.equal(read({}), undefined);
  assert.equal(read({ username: '', password: '' }), undefined);
  assert.deepEqual(read({ username: 'me', password: 'p:q', serveraddress: 'x' }), {
    kind: 'password',
    username: 'me',
    password: 'p:q',
  });
  assert.deepEqual(read({ auth: Buffer.from('me:p:q').toString('base64') }), {
    kind: 'password',
    username: 'me',
    password: 'p:q',
  });
  assert.deepEqual(read({ username: 'x', identitytoken: 'abc' }), { kind: 'identity', token: 'abc' });
  assert.deepEqual(read({ username: '<token>', password: 'abc' }), { kind: 'identity', token: 'abc' });
  assert.deepEqual(read({ registrytoken: 'abc' }), { kind: 'bearer', token: 'abc' });
  const wrong = ['x', '[]', '{', { username: 5 }, { username: 'a:b', password: 'c' }, { auth: 'eA==' }];
  const injected = [{ username: 'a\r\nb', password: 'c' }, { registrytoken: 'a\r\nb' }, { identitytoken: 'a b' }];
  for (const value of [...wrong, ...injected]) {
    assert.throws(
      () => read(value),
      (error: unknown) => error instanceof ImageError && error.code === 'unauthorized' && !/a:b|\r/.test(error.message),
      JSON.stringify(value),
    );
  }
});

void test('any header is credentials, none, or an ImageError that does not tell them', () => {
  const header = fc.oneof(fc.string({ unit: 'binary' }), fc.json().map(encoded), fc.base64String());
  fc.assert(
    fc.property(header, (text) => {
      try {
        const credential = parseCredential(text);
        if (credential?.kind === 'password') assert.ok(!/[\r\n]/.test(credential.username + credential.password));
      } catch (error) {
        assert.ok(error instanceof ImageError && error.code === 'unauthorized');
        assert.equal(error.message, 'the credentials for the registry cannot be read');
      }
    }),
  );
});
