import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { RegistryError } from '../../../daemon/registry/error.ts';
import { EVENTS_KEPT } from '../../../daemon/registry/events.ts';
import { RESERVE_SIZE } from '../../../daemon/registry/reserve.ts';
import { Registry } from '../../../daemon/registry/registry.ts';
import { lockExclusive } from '../../../native-bindings/flock.ts';
import { containerRow, documents, identifier } from '../engine/rows.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tare-registry-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function open(migrations = MIGRATIONS): Registry {
  return Registry.open({ root, migrations });
}

function refusal(kind: RegistryError['kind'], words: RegExp) {
  return (error: unknown) => error instanceof RegistryError && error.kind === kind && words.test(error.message);
}

test('what was inserted comes back, also after a restart', () => {
  const row = containerRow({
    name: 'web',
    labels: { a: 'b', 'with "quotes"': '' },
    command: ['/bin/sh', '-c', 'echo "ü"'],
    limits: { memory: 1024, cpus: 0.5, memorySwap: -1 },
    tty: true,
    autoRemove: true,
    stopSignal: 'SIGRTMIN+3',
  });
  const first = open();
  first.commit(() => {
    first.containers.insert(row, documents);
  });
  assert.deepEqual(first.containers.all(), [row]);
  first.close();
  const second = open();
  assert.deepEqual(second.containers.all(), [row]);
  assert.deepEqual(second.containers.documents(row.id), documents);
  second.close();
});

test('a life: starting, started, exited; the exit is what was told', () => {
  const registry = open();
  const row = containerRow({ status: 'created' });
  const at = '2026-01-01T00:00:00.000000001Z';
  registry.commit(() => {
    registry.containers.insert(row, documents);
    registry.containers.starting(row.id, 'boot-1', null);
  });
  assert.deepEqual(registry.containers.all()[0], { ...row, intent: 'start', bootId: 'boot-1' });
  registry.containers.started(row.id, { pid: 42, processStarted: 7, at });
  const running = registry.containers.all()[0];
  assert.deepEqual(running, { ...row, status: 'running', bootId: 'boot-1', pid: 42, processStarted: 7, startedAt: at });
  const exit = { unknown: false, code: 137, signal: 'SIGKILL', oomKilled: true, at };
  registry.containers.exited(row.id, 'stopped', exit);
  assert.deepEqual(registry.containers.all()[0], { ...row, status: 'stopped', startedAt: at, exit });
  const unknown = { unknown: true, oomKilled: false, at };
  registry.containers.exited(row.id, 'stopped', unknown);
  assert.deepEqual(registry.containers.all()[0]?.exit, unknown);
  registry.close();
});

test('poststop hooks are owed from the intent to start until they are done, whatever comes between', () => {
  const registry = open();
  const row = containerRow({ status: 'created' });
  const at = '2026-01-01T00:00:00.000000001Z';
  const poststop = () => registry.containers.all()[0]?.poststop;
  registry.containers.insert(row, documents);
  assert.equal(poststop(), null);
  registry.containers.starting(row.id, 'boot-1', 0);
  assert.equal(poststop(), 0);
  registry.containers.startFailed(row.id, 'created', 'no');
  assert.equal(poststop(), 0);
  registry.containers.setPoststop(row.id, 2);
  registry.containers.exited(row.id, 'stopped', { unknown: true, oomKilled: false, at });
  assert.equal(poststop(), 2);
  registry.containers.setPoststop(row.id, null);
  assert.equal(poststop(), null);
  registry.containers.setFailure(row.id, 'poststart');
  assert.equal(registry.containers.all()[0]?.failure, 'poststart');
  registry.close();
});

test('a name is taken once', () => {
  const registry = open();
  const insert = (name: string) => {
    registry.commit(() => {
      registry.containers.insert(containerRow({ name }), documents);
    });
  };
  insert('one');
  assert.throws(
    () => {
      insert('one');
    },
    refusal('name_taken', /taken/),
  );
  assert.equal(registry.containers.all().length, 1);
  registry.close();
});

test('a commit is all or nothing', () => {
  const registry = open();
  assert.throws(() => {
    registry.commit(() => {
      registry.containers.insert(containerRow({}), documents);
      throw new Error('halfway');
    });
  }, /halfway/);
  assert.deepEqual(registry.containers.all(), []);
  registry.close();
});

test('a container takes its documents and execs along, its events stay', () => {
  const registry = open();
  const row = containerRow({});
  const exec = { id: identifier(), container: row.id, request: { command: ['true'] }, createdAt: row.createdAt };
  registry.commit(() => {
    registry.containers.insert(row, documents);
    registry.execs.insert(exec);
    registry.events.append({ at: row.createdAt, action: 'create', container: row.id, name: row.name, labels: {} });
  });
  assert.deepEqual(registry.execs.get(exec.id), { ...exec, status: 'created', pid: null, startedAt: null, exit: null });
  registry.containers.delete(row.id);
  assert.equal(registry.containers.documents(row.id), undefined);
  assert.equal(registry.execs.get(exec.id), undefined);
  assert.equal(registry.events.after(0, 10).length, 1);
  registry.close();
});

test('of ended execs the last are kept', () => {
  const registry = open();
  const row = containerRow({});
  registry.containers.insert(row, documents);
  const ids = Array.from({ length: 5 }, (_, index) => {
    const id = identifier();
    const at = `2026-01-01T00:00:0${String(index)}.000000000Z`;
    registry.execs.insert({ id, container: row.id, request: { command: ['true'] }, createdAt: at });
    registry.execs.started(id, index + 1, at);
    if (index < 4) registry.execs.exited(id, { unknown: false, code: index, oomKilled: false, at });
    return id;
  });
  registry.execs.trim(row.id, 2);
  assert.deepEqual(registry.execs.idsOf(row.id), ids.slice(2));
  assert.deepEqual(registry.execs.runningOf(row.id), ids.slice(4));
  registry.close();
});

test('the sequence of events grows across restarts, and old events go', () => {
  const event = { action: 'create', container: identifier(), name: 'n', labels: { k: 'v' } } as const;
  const at = (number: number) => `2026-01-01T00:00:00.${String(number).padStart(9, '0')}Z`;
  const first = open();
  first.commit(() => {
    for (let number = 1; number <= EVENTS_KEPT + 512; number++) first.events.append({ ...event, at: at(number) });
  });
  const last = first.events.last();
  assert.equal(last, EVENTS_KEPT + 512);
  first.close();
  const second = open();
  const next = second.events.append({ ...event, at: at(last + 1), exec: 'e', exitCode: 3, detail: 'd' });
  assert.equal(next.sequence, last + 1);
  assert.deepEqual(second.events.after(last, 10), [next]);
  const [oldest] = second.events.after(0, 1);
  assert.ok(oldest !== undefined && oldest.sequence > 1 && oldest.sequence <= 600);
  assert.equal(second.events.lastBefore(at(last)), last - 1);
  second.close();
});

test('migrations are applied in order, once, and recorded; those of a later version are refused', () => {
  const directory = join(root, 'migrations');
  mkdirSync(directory);
  for (const file of readdirSync(MIGRATIONS)) copyFileSync(join(MIGRATIONS, file), join(directory, file));
  const count = readdirSync(directory).length;
  open(directory).close();
  const further = `${String(count + 1).padStart(4, '0')}_further.sql`;
  writeFileSync(join(directory, further), 'CREATE TABLE further (a TEXT) STRICT;');
  open(directory).close();
  const database = new Sqlite(join(root, 'tare.db'));
  assert.equal(database.pragma('user_version', { simple: true }), count + 1);
  assert.equal(database.prepare('SELECT count(*) FROM migrations').pluck().get(), count + 1);
  database.close();
  rmSync(join(directory, further));
  assert.throws(() => open(directory), refusal('newer', /later version/));
});

test('a migration that fails leaves nothing of itself', () => {
  const directory = join(root, 'migrations');
  mkdirSync(directory);
  for (const file of readdirSync(MIGRATIONS)) copyFileSync(join(MIGRATIONS, file), join(directory, file));
  const count = readdirSync(directory).length;
  const broken = join(directory, `${String(count + 1).padStart(4, '0')}_broken.sql`);
  writeFileSync(broken, 'CREATE TABLE half (a TEXT) STRICT; CREATE TABLE half (a TEXT) STRICT;');
  assert.throws(() => open(directory), refusal('io', /half/));
  const database = new Sqlite(join(root, 'tare.db'));
  assert.equal(database.pragma('user_version', { simple: true }), count);
  assert.equal(database.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'half'").pluck().get(), 0);
  database.close();
});

test('a file that is no database is refused by its name', () => {
  writeFileSync(join(root, 'tare.db'), 'this is not a database, and long enough to be looked at as one '.repeat(40));
  assert.throws(() => open(), refusal('corrupt', /tare\.db is not a sound registry/));
});

test('a root that another daemon has is refused, and free again after it', () => {
  const first = open();
  assert.throws(() => open(), refusal('locked', /in use by another tared/));
  first.close();
  open().close();
});

test('a process that the last daemon was making has the lock until it closes what it inherited', async () => {
  const lock = openSync(join(root, 'lock'), 'a');
  assert.ok(lockExclusive(lock));
  const heir = spawn('sleep', ['0.1'], { stdio: ['ignore', 'ignore', 'ignore', lock] });
  await once(heir, 'spawn');
  closeSync(lock);
  open().close();
  if (heir.exitCode === null) await once(heir, 'exit');
});

test('the reserve is real space, given up for an end when the disk is full', () => {
  const registry = open();
  assert.equal(statSync(join(root, 'reserve')).size, RESERVE_SIZE);
  assert.ok(statSync(join(root, 'reserve')).blocks * 512 >= RESERVE_SIZE);
  let tries = 0;
  const full = () => {
    tries += 1;
    if (registry.reserve.isHeld) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  };
  assert.throws(
    () => {
      registry.commit(full);
    },
    refusal('full', /no space left/),
  );
  assert.ok(registry.reserve.isHeld);
  registry.commitEnd(full);
  assert.equal(tries, 3);
  assert.equal(registry.reserve.isHeld, false);
  assert.equal(statSync(join(root, 'reserve'), { throwIfNoEntry: false }), undefined);
  assert.ok(registry.reserve.take());
  registry.close();
});
