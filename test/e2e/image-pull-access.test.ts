/** Who may pull, push and log in, where from, and what they are told where it cannot be. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { PullRequest } from '../../shared/api/image.ts';
import { login } from '../../daemon/engine/images/login.ts';
import { pullImage } from '../../daemon/engine/images/pull.ts';
import { pushImage } from '../../daemon/engine/images/push.ts';
import { EngineError } from '../../daemon/engine/errors.ts';
import { openMover, type ImageMover } from '../harness/image-mover.ts';
import { makeImage, publish, publishIndex } from '../harness/images.ts';
import { IDENTITY_TOKEN, TestRegistry } from '../harness/registry.ts';
import { file, tar } from '../harness/tar.ts';

const never = (): AbortSignal => new AbortController().signal;
const silent = (): void => undefined;
/** Its layer is some hundreds of bytes, also when it is compressed. */
const image = makeImage({ layers: [{ tar: tar(file('a', 'a')), compression: 'none' }] });
const authOf = (config: Readonly<Record<string, string>>): string =>
  Buffer.from(JSON.stringify(config)).toString('base64url');
const ME = authOf({ username: 'me', password: 'secret' });
const WRONG = authOf({ username: 'me', password: 'wrong' });

let mover: ImageMover;
before(async () => {
  mover = await openMover({ limits: { attempts: 2 } });
});
after(() => mover[Symbol.asyncDispose]());

const pull = (reference: string, auth?: string, more: Partial<PullRequest> = {}) =>
  pullImage(mover.context, { reference, ...more }, auth, silent, never());

async function refusal(work: Promise<unknown>): Promise<readonly [code: string, message: string, hint?: string]> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EngineError, String(error));
  return error.hint === undefined ? [error.code, error.message] : [error.code, error.message, error.hint];
}

for (const kind of ['basic', 'token'] as const) {
  describe(`with ${kind} authentication`, () => {
    let registry: TestRegistry;
    let reference: string;
    before(async () => {
      registry = await TestRegistry.open({ auth: { kind, users: { me: 'secret' } } });
      publish(registry, 'team/app', '1', image);
      reference = `${registry.host}/team/app:1`;
    });
    after(() => registry[Symbol.asyncDispose]());

    test('without credentials, and with wrong ones, each is told so', async () => {
      const hint = `log in with "tare login ${registry.host}", or send credentials in the header X-Registry-Auth`;
      const { host } = registry;
      assert.deepEqual(await refusal(pull(reference)), [
        'registry_unauthorized',
        `${reference}: ${host} wants credentials, or has nothing of this name`,
        hint,
      ]);
      assert.deepEqual(await refusal(pull(reference, WRONG)), [
        'registry_unauthorized',
        `${reference}: ${host} does not take the credentials, or has nothing of this name for them`,
        hint,
      ]);
      assert.deepEqual(await refusal(pull(reference, '!')), [
        'invalid_field',
        'the credentials for the registry cannot be read',
      ]);
    });

    test('with the right ones: login, pull, push', async () => {
      const { identityToken } = await login(mover.context, { registry: registry.host }, ME, never());
      assert.equal(identityToken, kind === 'token' ? IDENTITY_TOKEN : undefined);
      const pulled = await pull(reference, ME);
      assert.equal(pulled.images[0]?.id, image.id);
      const destination = `${registry.host}/mine:2`;
      const { pushed } = await pushImage(mover.context, reference, { destination }, ME, silent, never());
      assert.equal(pushed[0]?.digest, image.descriptor.digest);
      assert.ok(registry.manifests.has('mine:2'));
      const [code] = await refusal(pushImage(mover.context, reference, { destination }, undefined, silent, never()));
      assert.equal(code, 'registry_unauthorized');
    });

    test('login says whether the credentials are taken', async () => {
      const { host } = registry;
      assert.deepEqual(await refusal(login(mover.context, { registry: host }, WRONG, never())), [
        'registry_unauthorized',
        `${host} does not take these credentials`,
      ]);
      assert.deepEqual(await refusal(login(mover.context, { registry: host }, undefined, never())), [
        'registry_unauthorized',
        `${host} wants credentials`,
      ]);
    });
  });
}

test('an identity token is as good as a password', async () => {
  await using registry = await TestRegistry.open({ auth: { kind: 'token', users: { me: 'secret' } } });
  publish(registry, 'app', '1', image);
  const pulled = await pull(`${registry.host}/app:1`, authOf({ identitytoken: IDENTITY_TOKEN }));
  assert.equal(pulled.images.length, 1);
});

test('what is not there, and what cannot be: each in its own words', async () => {
  await using registry = await TestRegistry.open();
  const { host } = registry;
  publish(registry, 'app', 'one', image);
  publish(registry, 'app', 'two', image);
  publishIndex(registry, 'arm', '1', [makeImage({ document: { architecture: 'arm64' } })]);
  const refusals: readonly (readonly [() => Promise<unknown>, code: string, message: string])[] = [
    [() => pull(`${host}/none:1`), 'image_not_found', `${host} has no repository none`],
    [() => pull(`${host}/app:3`), 'image_not_found', `${host}/app has no tag "3"; it has one, two`],
    [() => pull(`${host}/app`), 'image_not_found', `${host}/app has no tag "latest"; it has one, two`],
    [
      () => pull(`${host}/arm:1`),
      'no_such_platform',
      `${host}/arm:1 has no image for linux/amd64; there are: linux/arm64`,
    ],
    [
      () => pull(`${host}/app:one`, undefined, { platform: 'linux/s390x' }),
      'no_such_platform',
      `${host}/app:one is for linux/amd64, not for linux/s390x`,
    ],
    [
      () => pull(`${host}/UPPER:1`),
      'invalid_reference',
      `"${host}/UPPER:1" is not the name of an image: a repository is written in lower case`,
    ],
    [
      () => pull(`${host}/app:one`, undefined, { allTags: true }),
      'invalid_reference',
      `"${host}/app:one" is not the name of an image: a repository alone is expected, no tag and no digest`,
    ],
    [
      () => login(mover.context, { registry: 'a/b' }, undefined, never()),
      'invalid_reference',
      '"a/b" is not the address of a registry: host or host:port',
    ],
  ];
  for (const [work, code, message] of refusals) assert.deepEqual(await refusal(work()), [code, message]);
});

test('a platform is chosen, and another one takes its place under the name', async () => {
  await using registry = await TestRegistry.open();
  const arm = makeImage({ layers: [tar(file('arm', 'v8'))], document: { architecture: 'arm64' } });
  const index = publishIndex(registry, 'app', '1', [arm, image]);
  const reference = `${registry.host}/app:1`;
  const own = await pull(reference);
  assert.equal(own.images[0]?.id, image.id);
  const other = await pull(reference, undefined, { platform: 'arm64' });
  assert.equal(other.images[0]?.id, arm.id);
  const { registry: rows } = mover.context;
  assert.equal(rows.images.get(reference)?.target, index.digest);
  assert.equal(rows.images.get(reference)?.manifest, arm.descriptor.digest);
  assert.equal((await pull(reference, undefined, { platform: 'linux/arm64/v8' })).upToDate, true);
  assert.equal((await pull(reference)).upToDate, false);
});

test('by digest: the name has the digest, and the tag beside it says nothing', async () => {
  await using registry = await TestRegistry.open();
  publish(registry, 'app', '1', image);
  const { digest } = image.descriptor;
  const { images } = await pull(`${registry.host}/app:whatever@${digest}`);
  assert.deepEqual(images[0]?.names, [`${registry.host}/app@${digest}`]);
});

describe('a mirror', () => {
  test('is asked first, without the credentials of the registry; what it garbles comes from the registry', async () => {
    await using registry = await TestRegistry.open({ auth: { kind: 'basic', users: { me: 'secret' } } });
    await using mirror = await TestRegistry.open();
    await using own = await openMover({
      limits: { attempts: 2 },
      registries: { [registry.host]: { mirrors: [`http://${mirror.host}/of/registry`] } },
    });
    publish(registry, 'app', '1', image);
    publish(mirror, 'of/registry/app', '1', image);
    const [layer] = image.layerDescriptors;
    const garbled = { kind: 'content', bytes: Buffer.alloc(layer?.size ?? 0, 'x') } as const;
    mirror.misbehave(/blobs/, garbled);
    const told: string[] = [];
    const reference = `${registry.host}/app:1`;
    const report = ({ status = '' }): void => void told.push(status);
    const pulled = await pullImage(own.context, { reference }, ME, report, never());
    assert.equal(pulled.images[0]?.id, image.id);
    assert.ok(told.includes('retrying'));
    assert.ok(mirror.asked.every(({ headers }) => headers.authorization === undefined));
    assert.ok(mirror.lines(/manifests\/1/).length > 0);
    assert.deepEqual(registry.lines(/manifests/), []);
  });

  test('that is not there is passed over', async () => {
    await using registry = await TestRegistry.open();
    await using own = await openMover({
      limits: { attempts: 2 },
      registries: { [registry.host]: { mirrors: ['http://127.0.0.1:1'] } },
    });
    publish(registry, 'app', '1', image);
    const reference = `${registry.host}/app:1`;
    const pulled = await pullImage(own.context, { reference }, undefined, silent, never());
    assert.equal(pulled.images[0]?.id, image.id);
  });
});

test('a blob that another repository of the registry has is taken over there', async () => {
  await using registry = await TestRegistry.open();
  publish(registry, 'from/here', '1', image);
  const reference = `${registry.host}/from/here:1`;
  await pull(reference);
  const told: string[] = [];
  const report = ({ status = '', layer }: { status?: string; layer?: string }): void => {
    if (layer !== undefined) told.push(status);
  };
  const destination = `${registry.host}/to/there:1`;
  await pushImage(mover.context, reference, { destination }, undefined, report, never());
  assert.deepEqual(told, ['waiting', 'mounted']);
  assert.deepEqual(registry.lines(/^(?:PATCH|PUT .*blobs)/), []);
});

test('the event of a pull comes with its rows, that of a push after it', async () => {
  await using registry = await TestRegistry.open();
  await using own = await openMover();
  publish(registry, 'app', '1', image);
  const reference = `${registry.host}/app:1`;
  await pullImage(own.context, { reference }, undefined, silent, never());
  await pullImage(own.context, { reference }, undefined, silent, never());
  await pushImage(own.context, reference, {}, undefined, silent, never());
  assert.deepEqual(
    own.events().map(({ action, image: id, name }) => [action, id, name]),
    [
      ['image_pull', image.id, reference],
      ['image_push', image.id, reference],
    ],
  );
});

test('a pull that its caller gives up ends soon, and what it had waits for the next', async () => {
  await using registry = await TestRegistry.open();
  await using own = await openMover();
  publish(registry, 'app', '1', image);
  const [layer] = image.layerDescriptors;
  registry.misbehave(new RegExp(layer?.digest ?? ''), { kind: 'stall', after: 100 }, 1);
  const abort = new AbortController();
  const reference = `${registry.host}/app:1`;
  const report = ({ current = 0, layer: digest }: { current?: number; layer?: string }): void => {
    if (digest === layer?.digest && current >= 100) abort.abort(new Error('given up'));
  };
  await assert.rejects(pullImage(own.context, { reference }, undefined, report, abort.signal), /given up/);
  assert.equal(
    (await own.kept()).some((path) => path.endsWith('.part')),
    true,
  );
  const pulled = await pullImage(own.context, { reference }, undefined, silent, never());
  assert.equal(pulled.images[0]?.id, image.id);
  assert.deepEqual(registry.asked.at(-1)?.headers.range, 'bytes=100-');
});

test('two pull the same at the same time: it is fetched once, also where the first gives up', async () => {
  await using registry = await TestRegistry.open();
  const blobs = (): string[] => registry.lines(/blobs/);
  publish(registry, 'app', '1', image);
  const reference = `${registry.host}/app:1`;
  {
    await using own = await openMover();
    const both = [1, 2].map(() => pullImage(own.context, { reference }, undefined, silent, never()));
    for (const { images } of await Promise.all(both)) assert.equal(images[0]?.id, image.id);
    assert.equal(blobs().length, 2);
  }
  await using own = await openMover();
  const [layer] = image.layerDescriptors;
  registry.misbehave(new RegExp(layer?.digest ?? ''), { kind: 'stall', after: 100 }, 1);
  const abort = new AbortController();
  const stalled = Promise.withResolvers<undefined>();
  const report = ({ current = 0 }: { current?: number }): void => {
    if (current > 0) stalled.resolve(undefined);
  };
  const first = pullImage(own.context, { reference }, undefined, report, abort.signal);
  const given = assert.rejects(first, /given up/);
  await stalled.promise;
  const second = pullImage(own.context, { reference }, undefined, silent, never());
  abort.abort(new Error('given up'));
  await given;
  assert.equal((await second).images[0]?.id, image.id);
});

test("an event has an image's labels, as far as they are what people write", async () => {
  await using registry = await TestRegistry.open();
  await using own = await openMover();
  const labels = { short: 'label', long: 'x'.repeat(1_000_000) };
  publish(registry, 'app', '1', makeImage({ layers: [tar(file('a', 'a'))], config: { Labels: labels } }));
  await pullImage(own.context, { reference: `${registry.host}/app:1` }, undefined, silent, never());
  assert.deepEqual(own.events()[0]?.labels, { short: 'label' });
});
