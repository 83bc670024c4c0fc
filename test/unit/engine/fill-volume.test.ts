/** Filling a volume with what an image has at its place: whole or not at all, whenever it is cut off. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fill } from '../../../daemon/engine/mounts/copy-up/fill.ts';
import { startFill } from '../../../daemon/engine/mounts/copy-up/start-fill.ts';

interface Room {
  readonly layers: readonly string[];
  readonly volume: string;
  readonly data: string;
}

function room(t: TestContext): Room {
  const folder = mkdtempSync(join(tmpdir(), 'tare-fill-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const layers = ['upper', 'lower'].map((name) => join(folder, name));
  const [upper, lower] = layers as [string, string];
  mkdirSync(join(upper, 'data/both'), { recursive: true });
  mkdirSync(join(lower, 'data/both'), { recursive: true });
  writeFileSync(join(upper, 'data/both/upper'), 'u');
  writeFileSync(join(lower, 'data/both/lower'), 'l');
  writeFileSync(join(lower, 'data/gone'), 'g');
  execFileSync('mknod', [join(upper, 'data/gone'), 'c', '0', '0']);
  symlinkSync('/etc/passwd', join(lower, 'data/link'));
  symlinkSync('data', join(lower, 'way'));
  const volume = join(folder, 'volume');
  mkdirSync(join(volume, 'data'), { recursive: true });
  return { layers, volume, data: join(volume, 'data') };
}

const entries = (directory: string): string[] => readdirSync(directory, { recursive: true }).map(String).sort();
const FILLED = ['both', 'both/lower', 'both/upper', 'link'];

for (const destination of ['/data', '/way', 'way/../data/']) {
  test(`what the layers have together at ${destination}`, (t) => {
    const { layers, volume, data } = room(t);
    fill({ layers, destination, volume, isDevice: false });
    assert.deepEqual(entries(data), FILLED);
    assert.deepEqual(readdirSync(volume), ['data']);
  });
}

test('what is in it already stays; where the image has no directory nothing is done', (t) => {
  const { layers, volume, data } = room(t);
  writeFileSync(join(data, 'mine'), '');
  fill({ layers, destination: '/data', volume, isDevice: false });
  assert.deepEqual(entries(data), ['mine']);
  rmSync(join(data, 'mine'));
  for (const destination of ['/none', '/data/link', '/data/both/upper'])
    fill({ layers, destination, volume, isDevice: false });
  assert.deepEqual(entries(data), []);
});

test('a copy that was cut off is begun anew; one that was being moved in is moved in, beside what came meanwhile', (t) => {
  const { layers, volume, data } = room(t);
  mkdirSync(join(volume, 'copying/half'), { recursive: true });
  fill({ layers, destination: '/data', volume, isDevice: false });
  assert.deepEqual(entries(data), FILLED);

  mkdirSync(join(volume, 'copied'), { mode: 0o710 });
  for (const name of ['rest', 'link']) writeFileSync(join(volume, 'copied', name), 'of the image');
  fill({ layers, destination: '/data', volume, isDevice: false });
  assert.deepEqual(entries(data), [...FILLED, 'rest'].sort());
  assert.match(readFileSync(join(data, 'link'), 'utf8'), /^root:/, 'the link that was there is still one');
  assert.equal(statSync(data).mode & 0o7777, 0o710);
  assert.deepEqual(readdirSync(volume), ['data']);
});

test('on a thread; what goes wrong is told, and nothing of it is left', async (t) => {
  const { layers, volume, data } = room(t);
  await startFill({ layers, destination: '/data', volume, isDevice: false }, 'v');
  assert.deepEqual(entries(data), FILLED);
  rmSync(data, { recursive: true });
  mkdirSync(data);
  const loop = join(layers[0] ?? '', 'loop');
  symlinkSync('loop', loop);
  await assert.rejects(startFill({ layers, destination: '/loop', volume, isDevice: false }, 'v'), {
    code: 'launch_failed',
    message: /^volume v: what the image has at \/loop could not be copied into it: \/loop is behind too many/,
  });
  assert.deepEqual(readdirSync(volume), ['data']);
});

test('a device is filled from within: it may be another file system; nothing of the way there is left', (t) => {
  const { layers, data: device } = room(t);
  const job = { layers, destination: '/data', volume: device, isDevice: true };
  mkdirSync(join(device, '.tare-copying/half'), { recursive: true });
  fill(job);
  assert.deepEqual(entries(device), FILLED);
  fill({ ...job, destination: '/data/both' });
  assert.deepEqual(entries(device), FILLED, 'it is not empty any more');

  mkdirSync(join(device, '.tare-copied'), { mode: 0o710 });
  for (const name of ['rest', 'link']) writeFileSync(join(device, '.tare-copied', name), 'of the image');
  fill(job);
  assert.deepEqual(entries(device), [...FILLED, 'rest'].sort());
  assert.equal(statSync(device).mode & 0o7777, 0o710);
});
