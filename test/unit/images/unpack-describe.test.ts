/** A layer that is unpacked first and described later is the layer that is unpacked over those below it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { describeHere } from '../../../daemon/images/unpack/describe-here.ts';
import { unpackHere } from '../../../daemon/images/unpack/unpack-here.ts';
import { directory, file, tar, type Member } from '../../harness/tar.ts';
import { treeOf } from '../../harness/tree.ts';

const room = mkdtempSync(join(tmpdir(), 'tare-describe-'));
after(() => rmSync(room, { recursive: true }));
let count = 0;

const never = new AbortController().signal;

async function layer(members: readonly Member[], parents?: readonly string[]) {
  const place = join(room, String(++count));
  mkdirSync(place);
  const job = { compression: 'none', directory: place, ...(parents === undefined ? {} : { parents }) } as const;
  const source = Readable.from([tar(...members)]) as AsyncIterable<Buffer>;
  const unpacked = await unpackHere(job, source, { signal: never, progress: () => undefined });
  return { place, ...unpacked };
}

const described = (name: string, more: Partial<Member> = {}): Member => ({
  ...directory(name),
  ...{ mode: 0o2750, uid: 7, gid: 8, mtime: 1_111_111_111, pax: { 'SCHILY.xattr.user.of': name } },
  ...more,
});

/** The lowest first; the last is the one that implies directories. */
const CASES: readonly (readonly [name: string, layers: readonly (readonly Member[])[]])[] = [
  ['of one layer below', [[described('./'), described('a/'), described('a/b/')], [file('a/b/c/d', 'd')]]],
  ['of several', [[described('./'), described('a/')], [described('a/', { mode: 0o711 })], [file('a/b', 'b')]]],
  ['that a lower layer has removed', [[described('a/')], [file('.wh.a', '')], [file('a/b', 'b')]]],
  ['that is a file below', [[described('./'), file('a', 'a')], [file('a/b', 'b')]]],
  [
    'that is opaque below',
    [[described('a/'), described('a/b/')], [described('a/'), file('a/.wh..wh..opq', '')], [file('a/b/c', 'c')]],
  ],
  ['that nobody has', [[described('./')], [file('x/y/z', 'z')]]],
];

for (const [name, layers] of CASES) {
  test(`a directory ${name}`, async () => {
    const below: string[] = [];
    for (const members of layers.slice(0, -1)) below.unshift((await layer(members, below)).place);
    const last = [described('./'), ...(layers.at(-1) ?? [])];
    const expected = await layer(last, below);
    const { place, implied, rootDescribed } = await layer(last);
    await describeHere({ directory: place, parents: below, implied, root: !rootDescribed }, never);
    assert.deepEqual(treeOf(place), treeOf(expected.place));
  });
}

test('a root without an entry is as the layer below has it', async () => {
  const below = await layer([described('./'), file('a', 'a')]);
  const { place, rootDescribed } = await layer([file('b', 'b')]);
  assert.equal(rootDescribed, false);
  await describeHere({ directory: place, parents: [below.place], implied: [], root: true }, never);
  assert.equal(treeOf(place)[''], treeOf(below.place)['']);
});

test('what an opaque directory of the layer itself hides is not looked for below it', async () => {
  const below = await layer([described('a/'), described('a/b/')]);
  const { place, implied } = await layer([file('a/.wh..wh..opq', ''), file('a/b/c', 'c')]);
  assert.deepEqual(implied, ['a', 'a/b']);
  await describeHere({ directory: place, parents: [below.place], implied, root: false }, never);
  const tree = treeOf(place);
  assert.match(tree.a ?? '', /^42750 7:8 /);
  assert.match(tree['a/b'] ?? '', /^40755 0:0 /);
});

test('it ends when nobody wants it any more', async () => {
  const below = await layer([described('a/')]);
  const { place, implied } = await layer([file('a/b', 'b')]);
  const job = { directory: place, parents: [below.place], implied, root: true };
  await assert.rejects(describeHere(job, AbortSignal.abort(new Error('given up'))), /given up/);
});
