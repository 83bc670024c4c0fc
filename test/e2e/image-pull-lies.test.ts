/** Registries that lie, stall or never end: a clear error each, soon, and nothing of it is kept. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pullImage } from '../../daemon/engine/images/pull.ts';
import { EngineError, type ErrorCode } from '../../daemon/engine/errors.ts';
import { openMover, type ImageMover } from '../harness/image-mover.ts';
import { makeImage, publish, sha256, type ImageSpec, type TestImage } from '../harness/images.ts';
import { TestRegistry, type Fault } from '../harness/registry.ts';
import { directory, tar } from '../harness/tar.ts';

/** Milliseconds: a test is less patient than the daemon. Tries are made without pauses (test/harness/image-mover.ts). */
const LIMITS = { answerTimeout: 400, stallTimeout: 400, documentTimeout: 2000, stallBytes: 1024, attempts: 2 };
const LAYER = tar(directory('./'), { name: 'content', data: Buffer.alloc(100_000, 'content of a test ') });
const HUGE = 2 ** 40;

let registry: TestRegistry;
let mover: ImageMover;

before(async () => {
  registry = await TestRegistry.open();
  mover = await openMover({ limits: LIMITS });
});
after(async () => {
  await mover[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

function imageOf(spec: ImageSpec = {}): TestImage {
  return makeImage({ layers: [{ tar: LAYER, compression: 'none' }], ...spec });
}

async function refusalOf(reference: string): Promise<EngineError> {
  const pulled = pullImage(mover.context, { reference }, undefined, () => undefined, new AbortController().signal);
  const error: unknown = await pulled.then(
    () => new Error('it was pulled'),
    (refusal: unknown) => refusal,
  );
  assert.ok(error instanceof EngineError, String(error));
  return error;
}

async function assertNothingKept(): Promise<void> {
  const { images, registry: rows } = mover.context;
  await images.store.settle();
  assert.deepEqual(await mover.kept(), []);
  assert.deepEqual([rows.images.all(), rows.images.manifests(), rows.imageContent.blobs()], [[], [], []]);
  assert.deepEqual(mover.errors, []);
}

interface Lie {
  readonly about: string;
  readonly image?: TestImage;
  /** Of requests whose lines match. */
  readonly fault?: readonly [match: RegExp, fault: Fault];
  readonly code: ErrorCode;
  readonly says: RegExp;
}

const BLOB = /^GET .*\/blobs\//;
const MANIFEST = /^GET .*\/manifests\/sha256/;
const layerOf = (image: TestImage) => {
  const [layer] = image.layerDescriptors;
  if (layer === undefined) throw new Error('it has a layer');
  return layer;
};
const other = Buffer.alloc(LAYER.length, 'x');
const withSize = (size: number): TestImage =>
  imageOf({ manifestDocument: { layers: [{ ...layerOf(imageOf()), size }] } });
const longer = Buffer.concat([LAYER, Buffer.alloc(1000)]);
const ofLayer = (fault: Fault): Pick<Lie, 'fault'> => ({ fault: [new RegExp(layerOf(imageOf()).digest), fault] });

const LIES: readonly Lie[] = [
  {
    about: "a layer's digest",
    ...ofLayer({ kind: 'content', bytes: other }),
    code: 'digest_mismatch',
    says: /not sha256:/,
  },
  { about: 'a size that is too small', image: withSize(1000), code: 'size_mismatch', says: /1000 /u },
  { about: 'a size that is too large', image: withSize(LAYER.length + 1), code: 'size_mismatch', says: /bytes/ },
  { about: 'a size of 2^40 bytes', image: withSize(HUGE), code: 'image_too_large', says: /1099511627776/ },
  {
    about: 'a layer that goes on behind its end',
    ...ofLayer({ kind: 'content', bytes: longer, headers: { 'transfer-encoding': 'chunked' } }),
    code: 'size_mismatch',
    says: new RegExp(`more than the ${LAYER.length} bytes`),
  },
  {
    about: 'a layer that breaks off and says it is whole',
    ...ofLayer({ kind: 'content', bytes: LAYER.subarray(0, 9), headers: { 'transfer-encoding': 'chunked' } }),
    code: 'size_mismatch',
    says: /9 bytes/,
  },
  { about: 'a layer without end', ...ofLayer({ kind: 'endless' }), code: 'size_mismatch', says: /more than/ },
  {
    about: 'a manifest without end',
    fault: [MANIFEST, { kind: 'endless' }],
    code: 'image_too_large',
    says: /more than/,
  },
  {
    about: "a manifest's digest",
    fault: [MANIFEST, { kind: 'content', bytes: Buffer.from('{}') }],
    code: 'size_mismatch',
    says: /sends 2 bytes/,
  },
  {
    about: "a manifest's media type",
    fault: [MANIFEST, { kind: 'headers', headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' } }],
    code: 'media_type_mismatch',
    says: /image\.index/,
  },
  {
    about: 'a media type that is no manifest',
    fault: [/manifests/, { kind: 'headers', headers: { 'content-type': 'application/vnd.example+json' } }],
    code: 'image_unsupported',
    says: /vnd\.example/,
  },
  {
    about: 'what the layer unpacks to',
    image: imageOf({ layers: [{ tar: LAYER, diffId: sha256('another') }] }),
    code: 'digest_mismatch',
    says: /diff id/,
  },
  {
    about: 'gzip that is none',
    image: imageOf({ layers: [{ tar: LAYER, blob: LAYER, compression: 'gzip' }] }),
    code: 'layer_invalid',
    says: /gzip/,
  },
  {
    about: 'redirects in a loop',
    fault: [BLOB, { kind: 'redirect', to: '/v2/team/app/blobs/again' }],
    code: 'redirect_refused',
    says: /redirect/,
  },
  { about: 'silence', fault: [BLOB, { kind: 'silent' }], code: 'registry_unreachable', says: /does not answer/ },
  { about: 'a stall', ...ofLayer({ kind: 'stall', after: 100 }), code: 'registry_unreachable', says: /silent/ },
  { about: 'a trickle', ...ofLayer({ kind: 'trickle', every: 20 }), code: 'registry_unreachable', says: /silent/ },
  {
    about: 'connections that break',
    ...ofLayer({ kind: 'break', after: 100 }),
    code: 'registry_unreachable',
    says: /broke/,
  },
  { about: 'what is not HTTP', fault: [BLOB, { kind: 'garbage' }], code: 'registry_invalid', says: /HTTP/ },
  { about: 'its own trouble', fault: [BLOB, { kind: 'status', status: 503 }], code: 'registry_failed', says: /503/ },
  {
    about: 'when to come back',
    fault: [BLOB, { kind: 'status', status: 429, retryAfter: '86400' }],
    code: 'registry_rate_limited',
    says: /86400 s/,
  },
  { about: 'who may', fault: [BLOB, { kind: 'status', status: 403 }], code: 'registry_access_denied', says: /403/ },
  {
    about: 'a layer that it does not have',
    fault: [BLOB, { kind: 'status', status: 404 }],
    code: 'blob_not_found',
    says: /404/,
  },
];

describe('a registry lies about', () => {
  for (const { about, image = imageOf(), fault, code, says } of LIES) {
    test(about, async () => {
      publish(registry, 'team/app', '1', image);
      registry.behave();
      if (fault !== undefined) registry.misbehave(...fault);
      const error = await refusalOf(`${registry.host}/team/app:1`);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, says);
      await assertNothingKept();
    });
  }
});

describe('a registry lies in its documents:', () => {
  const LYING: readonly (readonly [what: string, image: TestImage, code: ErrorCode, says: RegExp])[] = [
    ['no configuration of an image', imageOf({ document: { os: '' } }), 'manifest_invalid', /os/],
    [
      'one diff id too few',
      imageOf({ document: { rootfs: { type: 'layers', diff_ids: [] } } }),
      'manifest_invalid',
      /1 layers/,
    ],
    ['another machine', imageOf({ document: { architecture: 's390x' } }), 'no_such_platform', /linux\/s390x, not for/],
    [
      'an artifact',
      imageOf({
        manifestDocument: { config: { mediaType: 'application/vnd.example', digest: sha256('{}'), size: 2 } },
      }),
      'image_unsupported',
      /artifact/,
    ],
    [
      'a layer of unknown kind',
      imageOf({ manifestDocument: { layers: [{ ...layerOf(imageOf()), mediaType: 'application/x-squashfs' }] } }),
      'image_unsupported',
      /squashfs/,
    ],
    ['manifest and index at once', imageOf({ manifestDocument: { manifests: [] } }), 'manifest_invalid', /manifests/],
  ];
  for (const [what, image, code, says] of LYING) {
    test(what, async () => {
      registry.behave();
      publish(registry, 'team/app', '1', image);
      const error = await refusalOf(`${registry.host}/team/app:1`);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, says);
      await assertNothingKept();
    });
  }
});

test('after all that the daemon pulls from it as from any other', async () => {
  registry.behave();
  publish(registry, 'team/app', '1', imageOf());
  const reference = `${registry.host}/team/app:1`;
  const answer = await pullImage(
    mover.context,
    { reference },
    undefined,
    () => undefined,
    new AbortController().signal,
  );
  assert.deepEqual(answer.images[0]?.names, [reference]);
});
