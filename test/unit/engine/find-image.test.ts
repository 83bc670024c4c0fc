/** Which image a reference means, over the rows that daemons have. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../../daemon/engine/errors.ts';
import { findImage, type FoundImage, type ImageContext } from '../../../daemon/engine/images/find.ts';
import { digestOf, type Digest } from '../../../daemon/images/digest.ts';
import type { Platform } from '../../../daemon/images/manifest/platform.ts';
import { Registry } from '../../../daemon/registry/registry.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
const AT = '2026-01-01T00:00:00.000000000Z';
const AMD64: Platform = { os: 'linux', architecture: 'amd64' };
const INDEX = digestOf('index');

let root: string;
let registry: Registry;
let context: ImageContext;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tare-find-'));
  registry = Registry.open({ root, migrations: MIGRATIONS });
  context = { registry, images: { platform: AMD64 } as ImageContext['images'] };
});
afterEach(() => {
  registry.close();
  rmSync(root, { recursive: true, force: true });
});

interface Made {
  readonly id: Digest;
  readonly manifest: Digest;
}

function image(text: string, { architecture = 'amd64', variant = null as string | null, config = text } = {}): Made {
  const [manifest, id] = [digestOf(`manifest ${text}`), digestOf(config)];
  for (const digest of [manifest, id]) registry.imageContent.recordBlob(digest, 1, 'stamp');
  const platform = { os: 'linux', architecture, variant };
  registry.images.insert({ digest: manifest, mediaType: 'm', config: id, ...platform, createdAt: AT, layers: [] });
  return { id, manifest };
}

function tag(name: string, { manifest }: Made, target: Digest = manifest): void {
  registry.images.tag({ name, manifest, target, isShared: true, taggedAt: AT });
}

const find = (ref: string, platform?: string): FoundImage => findImage(context, ref, platform);
const idOf = (ref: string, platform?: string): string => find(ref, platform).manifest.config;

function refused(code: string, ref: string, platform?: string): EngineError {
  try {
    find(ref, platform);
  } catch (error) {
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`${ref} was found`);
}

test('a name is found in all the ways that people write it', () => {
  const debian = image('debian');
  tag('docker.io/library/debian:latest', debian, INDEX);
  for (const ref of [
    'debian',
    'debian:latest',
    'library/debian',
    'docker.io/debian',
    'index.docker.io/library/debian:latest',
  ]) {
    assert.equal(idOf(ref), debian.id, ref);
    assert.equal(find(ref).name, 'docker.io/library/debian:latest');
  }
  for (const digest of [INDEX, debian.manifest]) assert.equal(idOf(`debian@${digest}`), debian.id);
  assert.equal(idOf(`debian:whatever@${INDEX}`), debian.id);
  refused('image_not_found', 'debian:12');
  refused('image_not_found', 'ghcr.io/debian');
  refused('image_not_found', `ubuntu@${INDEX}`);
  refused('image_not_found', `debian@${digestOf('other')}`);
});

test('a name that looks like the beginning of an id comes before the id', () => {
  const [named, other] = [image('named'), image('other')];
  const digits = other.id.slice('sha256:'.length, 'sha256:'.length + 8);
  assert.equal(idOf(digits), other.id);
  tag(`docker.io/library/${digits}:latest`, named);
  assert.equal(idOf(digits), named.id);
  assert.equal(idOf(`sha256:${digits}`), other.id);
  assert.equal(idOf(other.id), other.id);
  assert.equal(find(other.manifest).name, undefined);
});

test('the beginning of an id must be of one image, which may have several manifests', () => {
  const [one, again] = [image('one'), image('one again', { config: 'one' })];
  assert.equal(one.id, again.id);
  assert.equal(idOf(one.id.slice(7, 8)), one.id);
  for (let number = 0; number < 32; number++) image(`image ${String(number)}`);
  refused('ambiguous_reference', one.id.slice(7, 8));
  assert.equal(idOf(one.id.slice(7)), one.id);
  refused('image_not_found', digestOf('nothing'));
  refused('image_not_found', digestOf('nothing').slice(7, 30));
});

test("of one name for several machines the host's is meant, or the one that is asked for", () => {
  const [amd64, arm64] = [image('amd64'), image('arm64', { architecture: 'arm64' })];
  tag('docker.io/library/app:arm', arm64, INDEX);
  assert.equal(idOf(`app@${INDEX}`), arm64.id);
  tag('docker.io/library/app:intel', amd64, INDEX);
  assert.equal(idOf(`app@${INDEX}`), amd64.id);
  assert.equal(idOf(`app@${INDEX}`, 'linux/arm64'), arm64.id);
  assert.equal(idOf(`app@${INDEX}`, 'aarch64'), arm64.id);
  assert.equal(idOf('app:arm'), arm64.id);
  const error = refused('no_such_platform', 'app:arm', 'linux/amd64');
  assert.match(error.message, /is here for linux\/arm64, not for linux\/amd64/);
  refused('no_such_platform', 'app:arm', 'a/b/c/d');
});

test('what is no reference is refused, and what is shown of it is harmless', () => {
  for (const ref of ['UPPER', 'a b', '-x', 'a:', 'x@sha256:abc', 'a/../b', '\u001b[31m'])
    refused('invalid_reference', ref);
  const { message, hint } = refused('image_not_found', 'nothing:1');
  assert.deepEqual([message, hint], ['image "nothing:1" is not here', 'pull it with "tare pull nothing:1"']);
  assert.equal(refused('image_not_found', digestOf('x')).hint, undefined);
  assert.doesNotMatch(refused('invalid_reference', '\u001b[31m\u202e').message, /[\u001b\u202e]/);
});
