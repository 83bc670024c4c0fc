/** An image's configuration merged into a request, as Docker merges it; what it cannot be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CreateRequest } from '../../../shared/api/container.ts';
import { layerDirectories, type ImageRoot } from '../../../daemon/engine/from-image/image-root.ts';
import { blamedOnImage, imageVolumes, withImageConfig } from '../../../daemon/engine/from-image/merge-config.ts';
import { EngineError } from '../../../daemon/engine/errors.ts';
import type { RunConfig } from '../../../daemon/images/manifest/image-config.ts';

function image(run: RunConfig): ImageRoot {
  const manifest = {
    ...{ digest: 'sha256:1', mediaType: '', config: 'sha256:2', os: 'linux', architecture: 'amd64', variant: null },
    ...{ createdAt: '', layers: [] },
  };
  const platform = { os: 'linux', architecture: 'amd64' };
  return { asked: 'demo', manifest, config: { platform, run, diffIds: [], history: [] }, layers: [] };
}

const merged = (request: CreateRequest, run: RunConfig): CreateRequest => withImageConfig(request, image(run));

test('the command: entry point and arguments, of whom', () => {
  const run = { entrypoint: ['/entry', 'e'], cmd: ['c'] };
  const cases: readonly (readonly [CreateRequest, RunConfig, readonly string[]])[] = [
    [{}, run, ['/entry', 'e', 'c']],
    [{ command: ['x', 'y'] }, run, ['/entry', 'e', 'x', 'y']],
    [{ entrypoint: ['/mine'] }, run, ['/mine']],
    [{ entrypoint: ['/mine'], command: ['x'] }, run, ['/mine', 'x']],
    [{ entrypoint: [] }, run, ['c']],
    [{ entrypoint: [], command: ['x'] }, run, ['x']],
    [{}, { cmd: ['c'] }, ['c']],
    [{}, {}, []],
  ];
  for (const [request, config, expected] of cases) {
    const { command, entrypoint } = merged(request, config);
    assert.deepEqual([...(entrypoint ?? []), ...(command ?? [])], expected);
  }
});

test('the rest: the request has the last word', () => {
  const run: RunConfig = {
    user: 'u',
    workingDir: 'a/../b',
    stopSignal: 'INT',
    env: ['A=1', 'none', '=x', 'B='],
    labels: { a: 'image', ['x'.repeat(2000)]: 'too long', '': 'no name' },
  };
  const { user, workdir, stopSignal, env, labels } = merged({}, run);
  assert.deepEqual([user, workdir, stopSignal, env, labels], ['u', '/b', 'INT', ['A=1', 'B='], { a: 'image' }]);
  const own = merged({ user: '0', workdir: '/w', stopSignal: 'KILL', env: ['A=2'], labels: { a: 'mine' } }, run);
  assert.deepEqual([own.user, own.workdir, own.stopSignal, own.labels], ['0', '/w', 'KILL', { a: 'mine' }]);
  assert.deepEqual(own.env, ['A=1', 'B=', 'A=2']);
});

test('volumes are absolute, each once, and lie outside of /proc whatever the image says', () => {
  assert.deepEqual(imageVolumes(image({ volumes: ['/b/c', 'a/', '/b', '/../../etc', '//b/./c/'] })), [
    '/a',
    '/b',
    '/etc',
    '/b/c',
  ]);
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[/.a-z]{0,12}(proc)?[/.a-z]{0,6}$/), { maxLength: 8 }), (volumes) => {
      let targets: string[];
      try {
        targets = imageVolumes(image({ volumes }));
      } catch (error) {
        assert.ok(error instanceof EngineError && error.code === 'image_unsupported');
        return;
      }
      for (const target of targets) {
        assert.ok(target.startsWith('/') && target !== '/' && !target.split('/').includes('..'));
        assert.ok(target !== '/proc' && !target.startsWith('/proc/'));
      }
      assert.equal(new Set(targets).size, targets.length);
    }),
  );
});

test('what is wrong with a field that the request does not have is the image’s fault', () => {
  const error = new EngineError('invalid_field', 'user: there is no user "x\u001b"', { field: 'user' });
  const blamed = blamedOnImage(error, {}, image({ user: 'x' }));
  assert.ok(blamed instanceof EngineError);
  assert.deepEqual([blamed.code, blamed.field], ['image_unsupported', 'image']);
  assert.equal(blamed.message, 'image "demo": its User: there is no user "x\ufffd"');
  assert.equal(blamedOnImage(error, { user: 'x' }, image({})), error);
  const other = new EngineError('invalid_field', 'limits.memory: no', { field: 'limits.memory' });
  assert.equal(blamedOnImage(other, {}, image({})), other);
});

test('layers below one that hides them are left out', () => {
  const layers = ['sha256:0', 'sha256:1', 'sha256:2'].map((layer) => ({ blob: '', layer }));
  const context = {
    images: { store: { layers: { layerDirectory: (id: string) => `/l/${id}` } } },
    registry: { imageContent: { layer: (id: string) => ({ hidesLower: id === 'sha256:1' }) } },
  } as unknown as Parameters<typeof layerDirectories>[0];
  assert.deepEqual(layerDirectories(context, { ...image({}).manifest, layers }), ['/l/sha256:2', '/l/sha256:1']);
});
