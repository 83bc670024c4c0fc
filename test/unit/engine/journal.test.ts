import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Containers } from '../../../daemon/engine/containers.ts';
import { EventFeed, events } from '../../../daemon/engine/events.ts';
import { Journal } from '../../../daemon/engine/journal.ts';
import { Registry } from '../../../daemon/registry/registry.ts';
import type { Event, EventQuery } from '../../../shared/api/event.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import { containerRow, documents } from './rows.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));

let root: string;
let registry: Registry;
let feed: EventFeed;
let journal: Journal;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tare-journal-'));
  registry = Registry.open({ root, migrations: MIGRATIONS });
  feed = new EventFeed();
  journal = new Journal(registry, () => {
    feed.publish();
  });
});
afterEach(() => {
  registry.close();
  rmSync(root, { recursive: true, force: true });
});

function subscribe(query: EventQuery, signal: AbortSignal): AsyncIterable<Event> {
  return events({ feed, repository: registry.events, containers: new Containers() }, query, signal);
}

const container = containerRow({ name: 'web', labels: { tier: 'front' } });

test('an event is told once its change is committed, in order, and not at all where the commit fails', async () => {
  const abort = new AbortController();
  const told: Event[] = [];
  const iterator = subscribe({}, abort.signal)[Symbol.asyncIterator]();
  const first = iterator.next();
  assert.throws(() => {
    journal.commit(
      () => {
        throw new Error('refused');
      },
      { action: 'create', container },
    );
  }, /refused/);
  journal.commit(
    (into) => {
      into.containers.insert(container, documents);
    },
    { action: 'create', container },
    { action: 'start', container },
  );
  told.push((await first).value as Event, (await iterator.next()).value as Event);
  assert.deepEqual(
    told.map(({ sequence, action, name }) => ({ sequence, action, name })),
    [
      { sequence: 1, action: 'create', name: 'web' },
      { sequence: 2, action: 'start', name: 'web' },
    ],
  );
  const end = iterator.next();
  abort.abort();
  assert.equal((await end).done, true);
});

test('a name taken in the registry is the engine error of that name', () => {
  const insert = () => {
    journal.commit((into) => {
      into.containers.insert(containerRow({ name: 'same' }), documents);
    });
  };
  insert();
  assert.throws(insert, { name: 'EngineError', code: 'name_taken', field: 'name' });
});

async function kept(query: EventQuery): Promise<string[]> {
  const found: string[] = [];
  const until = nowTimestamp();
  for await (const event of subscribe({ since: '0', until, ...query }, new AbortController().signal))
    found.push(event.action);
  return found;
}

test('what is kept is told again, narrowed by container, action and label', async () => {
  const other = containerRow({ name: 'other' });
  for (const action of ['create', 'start', 'die', 'destroy'] as const) {
    journal.commit(() => undefined, { action, container });
    journal.commit(() => undefined, { action, container: other });
  }
  assert.equal((await kept({})).length, 8);
  assert.deepEqual(await kept({ container: ['web'], action: ['die', 'destroy'] }), ['die', 'destroy']);
  assert.deepEqual(await kept({ container: [other.id.slice(0, 12)] }), ['create', 'start', 'die', 'destroy']);
  assert.equal((await kept({ label: ['tier=front'] })).length, 4);
  assert.equal((await kept({ label: ['tier=back'] })).length, 0);
  assert.equal((await kept({ since: '4102444799' })).length, 0);
});

test('a reader that is slower than the events misses none', async () => {
  const abort = new AbortController();
  const iterator = subscribe({}, abort.signal)[Symbol.asyncIterator]();
  const first = iterator.next();
  for (let index = 0; index < 1000; index++) {
    journal.commit(() => undefined, { action: 'exec_create', container, detail: String(index) });
  }
  assert.equal(((await first).value as Event).detail, '0');
  for (let index = 1; index < 1000; index++) {
    assert.equal(((await iterator.next()).value as Event).detail, String(index));
  }
  abort.abort();
  assert.equal((await iterator.next()).done, true);
});

test('a time that is none is refused at once, by its field', () => {
  assert.throws(() => subscribe({ since: 'yesterday' }, new AbortController().signal), {
    code: 'invalid_field',
    field: 'since',
  });
});

test('a time in the past as the end gives what is kept and ends', async () => {
  journal.commit(() => undefined, { action: 'create', container });
  assert.deepEqual(await kept({}), ['create']);
});

test('what happens to images and volumes is told by their ids and names', async () => {
  const image = { id: `sha256:${'a1'.repeat(32)}`, name: 'debian:latest', labels: { of: 'it' } };
  const nothing = (): void => undefined;
  journal.commit(nothing, { action: 'image_tag', image });
  journal.commit(nothing, { action: 'volume_create', volume: { name: 'kept', labels: {} } });
  journal.commit(nothing, { action: 'commit', container, image: { id: image.id } });
  const told = async (query: EventQuery): Promise<string[]> => {
    const found: string[] = [];
    const abort = new AbortController();
    const until = nowTimestamp();
    for await (const { action, name } of subscribe({ since: '0', until, ...query }, abort.signal))
      found.push(`${action} ${name}`);
    return found;
  };
  assert.deepEqual(await told({ image: [image.id] }), ['image_tag debian:latest', 'commit web']);
  assert.deepEqual(await told({ image: ['a1a1'] }), ['image_tag debian:latest', 'commit web']);
  assert.deepEqual(await told({ image: ['docker.io/debian', 'nothing'] }), ['image_tag debian:latest']);
  assert.deepEqual(await told({ image: ['web'] }), []);
  assert.deepEqual(await told({ volume: ['kept'] }), ['volume_create kept']);
  assert.deepEqual(await told({ volume: ['kep'] }), []);
  assert.deepEqual(await told({ image: [image.id], label: ['of=it'] }), ['image_tag debian:latest']);
});
