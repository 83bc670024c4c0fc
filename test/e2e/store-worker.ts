/**
 * A process that is to be killed: it pulls, tags, runs, untags and collects in the store of the directory it is given,
 * several at a time and without end, and says on stdout what it has committed, a line each:
 *
 *     ready | changing NAME | tagged NAME MANIFEST
 */
import { randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { Content } from '../../daemon/images/store/fill-part.ts';
import { imageRow, piecesOf, putImage, randomBlob, StoreFixture } from '../unit/images/store-fixture.ts';

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const TEXTS = ['base', 'one', 'two', 'three', 'four'];
const root = process.argv[2];
if (root === undefined) throw new Error('the directory of a store is expected');
const fixture = new StoreFixture(root);
const { store, registry } = fixture;

async function pull(name: string): Promise<void> {
  const lease = store.lease(`pull ${name}`);
  const texts = TEXTS.filter(() => randomInt(2) === 1);
  const found = await putImage(fixture, lease, texts);
  say(`changing ${name}`);
  registry.images.tag(imageRow(name, found.manifest));
  say(`tagged ${name} ${found.manifest}`);
  lease.release();
}

/** Fetches something of its own, slowly and in small pieces, and now and then breaks off. */
async function fetchOnly(name: string): Promise<void> {
  const lease = store.lease(`fetch ${name}`);
  const blob = randomBlob(300_000);
  const end = randomInt(600_000);
  const source = (from: number): Content => ({
    from,
    stream: (async function* () {
      yield* piecesOf(blob.content.subarray(from, end), 1000);
      if (end < blob.size) throw new Error('connection reset');
    })(),
  });
  await store.contents.ingest(lease, blob, source).then(
    () => lease.release(),
    () => lease.keep(),
  );
}

async function work(name: string): Promise<never> {
  for (;;) {
    await pull(name);
    if (randomInt(3) === 0) await fetchOnly(name);
    if (randomInt(2) === 0) {
      say(`changing ${name}`);
      registry.images.untag(name);
    }
    await store.collect({ dangling: true, dropKept: randomInt(4) === 0 });
    if (randomInt(8) === 0) await store.check({ repair: true });
  }
}

await store.recover();
say('ready');
await Promise.all(['a', 'b', 'c'].map(work));
