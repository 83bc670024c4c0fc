import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../daemon/images/digest.ts';
import { ImageError } from '../../../daemon/images/errors.ts';
import type { Descriptor } from '../../../daemon/images/manifest/descriptor.ts';
import { OCI_MANIFEST } from '../../../daemon/images/manifest/media-types.ts';
import {
  checkPlatform,
  choosePlatform,
  parsePlatform,
  platformText,
  type Platform,
} from '../../../daemon/images/manifest/platform.ts';

const AMD64: Platform = { os: 'linux', architecture: 'amd64' };
const ARM64: Platform = { os: 'linux', architecture: 'arm64' };

/** An index of images for these platforms, each with a digest of its text. */
function entries(...platforms: string[]): Descriptor[] {
  return platforms.map((text) => {
    const [os = '', architecture = '', variant] = text.split('/');
    const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    return { mediaType: OCI_MANIFEST, digest: digestOf(text), size: 1, platform };
  });
}

function chosen(wanted: Platform, host: Platform, ...platforms: string[]): string | undefined {
  const { digest } = choosePlatform(entries(...platforms), 'image', wanted, host);
  return platforms.find((text) => digestOf(text) === digest);
}

void test('platforms are read as people write them', () => {
  const texts: [string, string][] = [
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['Linux/AARCH64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['arm64', 'linux/arm64'],
    ['linux', 'linux/amd64'],
    ['windows', 'windows/amd64'],
    ['linux/riscv64', 'linux/riscv64'],
  ];
  for (const [text, expected] of texts) assert.equal(platformText(parsePlatform(text, AMD64)), expected, text);
  for (const text of ['', '/', 'linux/', 'linux/amd64/v1/x', 'linux/am d64', '../x']) {
    assert.throws(() => parsePlatform(text, AMD64), ImageError, text);
  }
});

void test('the best image for a machine is chosen', () => {
  assert.equal(chosen(AMD64, AMD64, 'linux/arm64', 'linux/amd64'), 'linux/amd64');
  assert.equal(chosen(ARM64, AMD64, 'linux/amd64', 'linux/arm64/v8'), 'linux/arm64/v8');
  assert.equal(chosen(AMD64, AMD64, 'linux/amd64/v3', 'linux/386'), 'linux/386');
  assert.equal(chosen(parsePlatform('linux/amd64/v3'), AMD64, 'linux/amd64', 'linux/amd64/v2'), 'linux/amd64/v2');
  assert.equal(chosen(ARM64, ARM64, 'linux/arm/v6', 'linux/arm/v7'), 'linux/arm/v7');
  assert.equal(chosen(parsePlatform('linux/arm/v6'), ARM64, 'linux/arm/v7', 'linux/arm/v5'), 'linux/arm/v5');
  // The first of several for one platform: image-index.md.
  const twice = [...entries('linux/amd64'), { ...entries('linux/amd64')[0]!, digest: digestOf('second') }];
  assert.equal(choosePlatform(twice, 'image', AMD64, AMD64).digest, digestOf('linux/amd64'));
});

void test('there is no image for a platform: the message names those there are, and no attestations', () => {
  assert.throws(
    () => chosen(parsePlatform('linux/s390x'), AMD64, 'linux/amd64', 'unknown/unknown', 'linux/arm/v7'),
    (error: unknown) =>
      error instanceof ImageError &&
      error.code === 'no_such_platform' &&
      error.message === 'image has no image for linux/s390x; there are: linux/amd64, linux/arm/v7',
  );
  // What runs on the host by courtesy is not what somebody gets who asks for another machine's.
  assert.throws(() => chosen(ARM64, AMD64, 'linux/arm/v7'), ImageError);
  assert.throws(() => choosePlatform([], 'image', AMD64, AMD64), /there are: none/);
});

void test('a single image that does not say its platform is taken, and its configuration asked', () => {
  const silent = { mediaType: OCI_MANIFEST, digest: digestOf('x'), size: 1 };
  assert.equal(choosePlatform([silent], 'image', ARM64, AMD64), silent);
  checkPlatform(AMD64, 'image', AMD64);
  assert.throws(() => checkPlatform(ARM64, 'image', AMD64), /is for linux\/arm64, not for linux\/amd64/);
});
