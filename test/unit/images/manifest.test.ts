import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../../../daemon/images/digest.ts';
import { ImageError, type ImageErrorCode } from '../../../daemon/images/errors.ts';
import {
  checkLayerCount,
  encodeImageConfig,
  parseImageConfig,
  type ImageConfig,
} from '../../../daemon/images/manifest/image-config.ts';
import {
  checkRunnable,
  encodeManifest,
  parseManifest,
  type ImageManifest,
  type Manifest,
} from '../../../daemon/images/manifest/manifest.ts';
import * as types from '../../../daemon/images/manifest/media-types.ts';

const DIGEST = digestOf('x');

function descriptor(mediaType: string, more: object = {}): Record<string, unknown> {
  return { mediaType, digest: DIGEST, size: 1, ...more };
}

const MANIFEST = {
  schemaVersion: 2,
  mediaType: types.OCI_MANIFEST,
  config: descriptor(types.OCI_CONFIG),
  layers: [descriptor(types.OCI_LAYER_GZIP), descriptor(types.OCI_LAYER_ZSTD, { annotations: { a: 'b' } })],
};
const INDEX = {
  schemaVersion: 2,
  mediaType: types.OCI_INDEX,
  manifests: [descriptor(types.OCI_MANIFEST, { platform: { os: 'linux', architecture: 'amd64' } })],
};

function parse(document: unknown, mediaType?: string): Manifest {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  return parseManifest(Buffer.from(text), mediaType, 'manifest m');
}

function refused(code: ImageErrorCode, pattern: RegExp, document: unknown, mediaType?: string): void {
  assert.throws(
    () => parse(document, mediaType),
    (error: unknown) => {
      assert.ok(error instanceof ImageError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, pattern);
      assert.match(error.message, /^manifest m: /);
      return true;
    },
  );
}

void test('manifests and indexes of both families are read', () => {
  const manifest = parse(MANIFEST);
  assert.ok(manifest.kind === 'manifest' && manifest.layers.length === 2);
  assert.deepEqual({ ...manifest.layers[1]?.annotations }, { a: 'b' });
  const index = parse(INDEX, types.OCI_INDEX);
  assert.ok(index.kind === 'index');
  assert.deepEqual(index.manifests[0]?.platform, { os: 'linux', architecture: 'amd64' });
  const docker = { ...MANIFEST, mediaType: types.DOCKER_MANIFEST };
  assert.equal(parse(docker).kind, 'manifest');
  assert.equal(parse({ ...INDEX, mediaType: types.DOCKER_MANIFEST_LIST }).kind, 'index');
  // OCI manifests need not say what they are: image-spec 1.0.
  const silent = { ...MANIFEST, mediaType: undefined };
  assert.equal(parse(silent, types.OCI_MANIFEST).mediaType, types.OCI_MANIFEST);
  assert.equal(parse({ ...MANIFEST, annotations: null, subject: null, unknown: { deep: [1] } }).kind, 'manifest');
});

void test('a document that is two things at once is refused (CVE-2021-41190)', () => {
  refused('manifest_invalid', /manifests is in a manifest/, { ...MANIFEST, manifests: [] });
  refused('manifest_invalid', /layers is in an index/, { ...INDEX, layers: [] });
  refused('manifest_invalid', /config is in an index/, { ...INDEX, config: {} });
  refused('manifest_invalid', /fsLayers/, { ...MANIFEST, fsLayers: [] });
  refused('manifest_invalid', /could be taken for layers/, { ...MANIFEST, Layers: [] });
  refused('manifest_invalid', /could be taken for manifests/, { ...MANIFEST, MANIFESTS: [] });
  refused('media_type_mismatch', /given as .*index.*says .*manifest/, MANIFEST, types.OCI_INDEX);
  refused('media_type_mismatch', /says of itself/, MANIFEST, types.DOCKER_MANIFEST);
  const text = JSON.stringify(MANIFEST);
  refused('manifest_invalid', /layers/, `${text.slice(0, -1)},"layers":[]}`);
});

void test('media types that are not known are refused by name', () => {
  refused('unsupported_media_type', /schema 1/, {}, 'application/vnd.docker.distribution.manifest.v1+prettyjws');
  refused('unsupported_media_type', /"text\/html"/, MANIFEST, 'text/html');
  refused('unsupported_media_type', /no media type/, { schemaVersion: 2, config: {}, layers: [] });
  const chart = parse({ ...MANIFEST, config: descriptor('application/vnd.cncf.helm.config.v1+json') });
  assert.throws(() => checkRunnable(chart as ImageManifest, 'm'), /an artifact.*helm/);
  const odd = parse({ ...MANIFEST, layers: [descriptor('application/vnd.oci.image.layer.v1.tar+brotli')] });
  assert.throws(() => checkRunnable(odd as ImageManifest, 'm'), /tar\+brotli/);
  checkRunnable(parse(MANIFEST) as ImageManifest, 'm');
  assert.deepEqual(types.layerType('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'x'), {
    compression: 'gzip',
    isNondistributable: true,
  });
});

void test('what is wrong is named', () => {
  refused('manifest_invalid', /not JSON/, '{');
  refused('manifest_invalid', /not an object/, '[]');
  refused('manifest_invalid', /not an object/, 'null');
  refused('manifest_invalid', /deeper/, `{"a":${'['.repeat(100)}${']'.repeat(100)}}`);
  refused('manifest_invalid', /__proto__/, '{"__proto__":{}}');
  refused('manifest_invalid', /schemaVersion/, { ...MANIFEST, schemaVersion: 1 });
  refused('manifest_invalid', /config is missing/, { ...MANIFEST, config: null });
  refused('manifest_invalid', /layers is not a list/, { ...MANIFEST, layers: {} });
  refused('manifest_invalid', /layers\[0\] is not an object/, { ...MANIFEST, layers: ['x'] });
  const layer = (more: object): object => ({ ...MANIFEST, layers: [descriptor(types.OCI_LAYER, more)] });
  refused('manifest_invalid', /layers\[0\]\.digest .*not a digest/, layer({ digest: 'sha256:../x' }));
  refused('manifest_invalid', /layers\[0\]\.size/, layer({ size: -1 }));
  refused('manifest_invalid', /layers\[0\]\.size/, layer({ size: 1.5 }));
  refused('manifest_invalid', /layers\[0\]\.size/, layer({ size: '1' }));
  refused('manifest_invalid', /layers\[0\]\.mediaType is not a media type/, layer({ mediaType: 'a b' }));
  refused('manifest_invalid', /annotations\.a is not text/, layer({ annotations: { a: 1 } }));
  const huge = JSON.stringify(MANIFEST).replace('"size":1', '"size":9223372036854775807');
  refused('manifest_invalid', /beyond 2\^53/, huge);
  refused('too_large', /more than 4194304/, `{"a":"${'x'.repeat(4 * 1024 * 1024)}"}`);
  refused('manifest_invalid', /more than 4096/, { ...MANIFEST, layers: Array(5000).fill(null) });
  assert.throws(() => parseManifest(Buffer.from([0x7b, 0xff, 0x7d]), undefined, 'm'), /not UTF-8/);
});

void test('what is written is read back, and the same bytes come of the same content', () => {
  for (const document of [
    MANIFEST,
    INDEX,
    { ...MANIFEST, mediaType: types.DOCKER_MANIFEST, annotations: { x: 'y' } },
  ]) {
    const manifest = parse(document);
    const { bytes, digest, descriptor: own } = encodeManifest(manifest);
    assert.deepEqual(parseManifest(bytes, own.mediaType, 'm'), manifest);
    assert.equal(digest, digestOf(bytes));
    assert.deepEqual(encodeManifest(manifest).bytes, bytes);
  }
});

void test('any JSON near a manifest is a manifest or an ImageError', () => {
  const names = fc.constantFrom('schemaVersion', 'mediaType', 'config', 'layers', 'manifests', 'digest', 'size', 'x');
  const { near } = fc.letrec((tie) => ({
    near: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, 2, -1, 1e300, '', types.OCI_INDEX, DIGEST, true),
      fc.array(tie('near'), { maxLength: 3 }),
      fc.dictionary(names, tie('near'), { maxKeys: 6 }),
    ),
  }));
  fc.assert(
    fc.property(near, fc.constantFrom(...types.MANIFEST_TYPES), (value, mediaType) => {
      const whole = typeof value === 'object' && !Array.isArray(value) ? { ...MANIFEST, ...value } : value;
      try {
        const manifest = parse(whole, mediaType);
        assert.equal(manifest.mediaType, mediaType);
        assert.equal(manifest.kind === 'index', types.isIndexType(mediaType));
      } catch (error) {
        assert.ok(error instanceof ImageError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

const CONFIG = {
  architecture: 'arm64',
  os: 'linux',
  variant: 'v8',
  created: '2024-01-01T00:00:00Z',
  config: {
    User: '1000:100',
    Env: ['PATH=/bin', 'A='],
    Entrypoint: ['/e'],
    Cmd: null,
    ExposedPorts: { '80/tcp': {}, '53/udp': null },
    Volumes: { '/data': {} },
    WorkingDir: '/w',
    Labels: { a: 'b', constructor: 'c' },
    StopSignal: 'SIGINT',
    ArgsEscaped: true,
    Healthcheck: { Test: ['CMD', 'x'], Interval: 1_000_000_000, Retries: 3 },
    OnBuild: [],
    Hostname: '',
  },
  rootfs: { type: 'layers', diff_ids: [DIGEST] },
  history: [{ created_by: 'RUN x' }, { empty_layer: true, comment: 'c' }],
};

function parseConfig(document: object): ImageConfig {
  return parseImageConfig(Buffer.from(JSON.stringify(document)), 'config c');
}

void test('an image configuration is read, what Docker adds too', () => {
  const config = parseConfig(CONFIG);
  assert.deepEqual(config.platform, { os: 'linux', architecture: 'arm64' });
  assert.deepEqual(
    { ...config.run, labels: { ...config.run.labels } },
    {
      user: '1000:100',
      env: ['PATH=/bin', 'A='],
      entrypoint: ['/e'],
      exposedPorts: ['80/tcp', '53/udp'],
      volumes: ['/data'],
      workingDir: '/w',
      labels: { a: 'b', constructor: 'c' },
      stopSignal: 'SIGINT',
      healthcheck: { test: ['CMD', 'x'], interval: 1_000_000_000, retries: 3 },
      onBuild: [],
    },
  );
  assert.deepEqual(config.diffIds, [DIGEST]);
  assert.deepEqual(
    config.history.map(({ isEmpty }) => isEmpty),
    [false, true],
  );
  assert.equal(
    parseConfig({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: null } }).diffIds.length,
    0,
  );
  assert.deepEqual(parseImageConfig(encodeImageConfig(config), 'c').diffIds, config.diffIds);
  assert.deepEqual(encodeImageConfig(parseImageConfig(encodeImageConfig(config), 'c')), encodeImageConfig(config));
});

void test('an image configuration that is none is refused by its field', () => {
  const wrong: [object, RegExp][] = [
    [{ ...CONFIG, os: '' }, /config c: os is missing/],
    [{ ...CONFIG, rootfs: null }, /rootfs is missing/],
    [{ ...CONFIG, rootfs: { type: 'base', diff_ids: [] } }, /rootfs\.type/],
    [{ ...CONFIG, rootfs: { type: 'layers', diff_ids: ['x'] } }, /rootfs\.diff_ids\[0\]/],
    [{ ...CONFIG, config: { Env: 'A=b' } }, /config\.Env is not a list/],
    [{ ...CONFIG, config: { Env: [1] } }, /config\.Env\[0\] is not text/],
    [{ ...CONFIG, config: { User: 5 } }, /config\.User is not text/],
    [{ ...CONFIG, config: { User: 'a\0b' } }, /config\.User contains a NUL/],
    [{ ...CONFIG, config: { Volumes: ['/x'] } }, /config\.Volumes is not an object/],
    [{ ...CONFIG, config: { Labels: { a: {} } } }, /config\.Labels/],
    [{ ...CONFIG, config: 'x' }, /config is not an object/],
    [{ ...CONFIG, history: {} }, /history is not a list/],
  ];
  for (const [document, pattern] of wrong) {
    assert.throws(
      () => parseConfig(document),
      (error: unknown) =>
        error instanceof ImageError && error.code === 'manifest_invalid' && pattern.test(error.message),
      String(pattern),
    );
  }
  assert.throws(() => checkLayerCount(parse(MANIFEST) as ImageManifest, parseConfig(CONFIG), 'm'), /2 layers.*names 1/);
});
