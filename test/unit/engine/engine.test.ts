import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type EngineWithLifecycle, createEngine } from '../../../daemon/engine/engine.ts';
import { Places } from '../../../daemon/engine/places.ts';
import { BARE_HOST } from '../../../daemon/runtime/host-facts.ts';
import { Registry } from '../../../daemon/registry/registry.ts';
import type { ContainerRow } from '../../../daemon/registry/containers.ts';
import type { CreateRequest } from '../../../shared/api/container.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import { containerRow, documents } from './rows.ts';
import { ScriptedPool, ScriptedShim, runningInit } from './scripted-shims.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
const BOOT = 'this-boot';
const NEVER = new AbortController().signal;

let base: string;
let places: Places;
let registry: Registry;
let pool: ScriptedPool;
let engine: EngineWithLifecycle;
let complaints: string[];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tare-engine-'));
  for (const name of ['root', 'root/containers', 'run', 'rootfs']) mkdirSync(join(base, name));
  places = new Places({ root: join(base, 'root'), run: join(base, 'run'), socket: join(base, 'run/tare.sock') });
  pool = new ScriptedPool();
  boot();
});
afterEach(() => {
  registry.close();
  rmSync(base, { recursive: true, force: true });
});

/** A daemon on what there is. */
function boot(): void {
  registry = Registry.open({ root: places.root, migrations: MIGRATIONS });
  complaints = [];
  const complain = (_fields: object, message: string) => {
    complaints.push(message);
  };
  engine = createEngine({
    registry,
    shims: pool,
    places,
    cgroups: { mode: 'none', v1: [] },
    specHost: { nofileHard: 1024, thermalThrottle: [] },
    hostFacts: BARE_HOST,
    bootId: BOOT,
    version: '0.0.0',
    log: { info: () => undefined, warn: complain, error: complain },
    network: { defaultNetwork: 'none', publishAddress: undefined, addressPools: [], bridgePorts: 1000 },
  });
}

/** No control groups here: what needs them is left out. */
function request(given: Partial<CreateRequest> = {}): CreateRequest {
  const oci = { mounts: [], linux: { resources: null } };
  return { rootfs: join(base, 'rootfs'), rootfsMode: 'rw', command: ['true'], oci, ...given };
}

async function actions(): Promise<string[]> {
  const told: string[] = [];
  for await (const event of engine.events({ since: '0', until: nowTimestamp() }, NEVER)) told.push(event.action);
  return told;
}

function shimOf(id: string): ScriptedShim {
  const shim = pool.opened.findLast((opened) => opened.id === id);
  assert.ok(shim !== undefined);
  return shim;
}

test('a life: created, running, stopped, gone; its events in order', async () => {
  const { id, name } = await engine.create(request({ name: 'web', labels: { a: 'b' } }));
  assert.equal(engine.inspect('web').status, 'created');
  assert.equal(engine.identify(id.slice(0, 8)), id);
  await engine.start(name);
  const running = engine.inspect(id);
  assert.deepEqual([running.status, running.pid], ['running', 4242]);
  assert.deepEqual(
    engine.list({}).map((row) => row.id),
    [id],
  );
  const ended = engine.wait(id, 'next-exit', NEVER);
  shimOf(id).exit(3);
  const exit = { unknown: false, code: 3, oomKilled: false, at: '2023-11-14T22:13:20.000000001Z' };
  assert.deepEqual(await ended, exit);
  assert.deepEqual(await engine.wait(id, 'stopped', NEVER), exit);
  assert.deepEqual(engine.inspect(id).exit, exit);
  assert.deepEqual(shimOf(id).forgotten, ['']);
  const removed = engine.wait(id, 'removed', NEVER);
  await engine.remove(id, { force: false });
  assert.deepEqual(await removed, exit);
  assert.throws(() => engine.inspect(id), { code: 'container_not_found' });
  assert.equal(existsSync(places.container(id)), false);
  assert.deepEqual(await actions(), ['create', 'start', 'die', 'destroy']);
  assert.deepEqual(complaints, []);
});

test('an end that comes before the answer to the start is told after it', async () => {
  pool.prepare = (shim) => {
    shim.onStart = () => {
      shim.exit(0);
      return { is: 'started', pid: 1, startTime: 1 };
    };
  };
  const { id } = await engine.create(request());
  const ended = engine.wait(id, 'next-exit', NEVER);
  await engine.start(id);
  assert.equal((await ended).code, 0);
  assert.deepEqual(await actions(), ['create', 'start', 'die']);
});

test('a start that fails says why, and leaves the container as it was', async () => {
  pool.prepare = (shim) => {
    shim.onStart = () => ({
      is: 'failed',
      failure: { process: '', operation: -1, step: 'open log', errno: 13, path: '/x' },
    });
  };
  const { id } = await engine.create(request({ name: 'web' }));
  await assert.rejects(engine.start(id), {
    code: 'launch_failed',
    message: 'cannot start web: open log /x permission denied: EACCES',
  });
  const { status, failure, exit } = engine.inspect(id);
  assert.deepEqual(
    [status, failure, exit],
    ['created', 'cannot start web: open log /x permission denied: EACCES', undefined],
  );
  assert.ok(shimOf(id).isShutDown);
  assert.equal(registry.containers.all()[0]?.intent, null);
  pool.prepare = () => undefined;
  await engine.start(id);
  assert.equal(engine.inspect(id).failure, undefined);
});

test('what is to be removed at its end is, also when it does not start', async () => {
  const { id } = await engine.create(request({ autoRemove: true }));
  const removed = engine.wait(id, 'removed', NEVER);
  await engine.start(id);
  shimOf(id).exit(5);
  assert.equal((await removed).code, 5);
  pool.prepare = (shim) => {
    shim.onStart = () => ({ is: 'failed', failure: { process: '', operation: -1, step: 's', errno: 1, path: '' } });
  };
  const second = await engine.create(request({ autoRemove: true }));
  await assert.rejects(engine.start(second.id), { code: 'launch_failed' });
  assert.deepEqual(engine.list({ all: true }), []);
});

test('stop signals, then kills; of one that rests it is done already', async () => {
  pool.prepare = (shim) => {
    shim.onSignal = (signal) => {
      if (signal === 9) shim.exit(137, { signal: 9 });
    };
  };
  const { id } = await engine.create(request({ stopSignal: 'USR1' }));
  await engine.stop(id, {});
  await engine.start(id);
  await engine.stop(id, { timeout: 0 });
  assert.deepEqual(shimOf(id).signals, [10, 9]);
  assert.deepEqual(engine.inspect(id).exit?.signal, 'SIGKILL');
  await engine.stop(id, {});
  await assert.rejects(engine.kill(id, undefined), { code: 'container_not_running' });
  assert.deepEqual(await actions(), ['create', 'start', 'kill', 'kill', 'die', 'stop']);
});

test('two starts at once: one starts, the other is told', async () => {
  const { id } = await engine.create(request());
  const [first, second] = await Promise.allSettled([engine.start(id), engine.start(id)]);
  assert.equal(first.status, 'fulfilled');
  assert.ok(second.status === 'rejected' && (second.reason as { code: string }).code === 'container_running');
});

test('names are unique, references may be ambiguous or unknown', async () => {
  await engine.create(request({ name: 'web' }));
  const other = await engine.create(request());
  await assert.rejects(engine.create(request({ name: 'web' })), { code: 'name_taken', field: 'name' });
  await assert.rejects(engine.rename(other.id, 'web'), { code: 'name_taken' });
  await assert.rejects(engine.rename(other.id, '../x'), { code: 'invalid_field', field: 'name' });
  await engine.rename(other.id, 'api');
  assert.equal(engine.identify('api'), other.id);
  assert.equal(engine.identify(other.name), undefined);
  await assert.rejects(engine.start('nobody'), { code: 'container_not_found' });
});

test('a refused create leaves nothing', async () => {
  await assert.rejects(engine.create(request({ rootfs: '/there/is/none' })), {
    code: 'invalid_field',
    field: 'rootfs',
  });
  await assert.rejects(engine.create(request({ stopSignal: 'NOPE' })), { code: 'invalid_field', field: 'stopSignal' });
  await assert.rejects(engine.create(request({ bundle: base })), { code: 'invalid_field', field: 'bundle' });
  assert.deepEqual(engine.list({ all: true }), []);
  assert.deepEqual(await actions(), []);
});

test('a lost shim: the exit is what its record says, else unknown', async () => {
  const { id } = await engine.create(request());
  for (const record of [
    undefined,
    { version: 1, code: 6, signal: 0, oom_kills: 1, at: '2026-01-01T00:00:00.000000000Z' },
  ]) {
    await engine.start(id);
    if (record !== undefined) writeFileSync(places.record(id), JSON.stringify(record));
    const ended = engine.wait(id, 'next-exit', NEVER);
    shimOf(id).lose();
    const exit = await ended;
    assert.deepEqual(
      [exit.unknown, exit.code, exit.oomKilled],
      [record === undefined, record?.code, record !== undefined],
    );
  }
});

test('a removal by force kills what runs', async () => {
  pool.prepare = (shim) => {
    shim.onSignal = () => {
      shim.exit(137, { signal: 9 });
    };
  };
  const { id } = await engine.create(request());
  await engine.start(id);
  await assert.rejects(engine.remove(id, { force: false }), { code: 'container_running' });
  await engine.remove(id, { force: true });
  assert.deepEqual(await actions(), ['create', 'start', 'kill', 'die', 'destroy']);
});

/** What a former daemon left, and then this one. */
async function afterRestart(
  given: Partial<ContainerRow>,
  prepare: (row: ContainerRow) => void = () => undefined,
): Promise<string> {
  const row = containerRow({ bootId: BOOT, ...given });
  registry.commit(() => {
    registry.containers.insert({ ...row, status: 'created' }, documents);
    registry.containers.starting(row.id, row.bootId ?? '', null);
    if (row.intent === null) {
      registry.containers.started(row.id, { pid: 4242, processStarted: 99, at: row.createdAt });
      registry.containers.setStatus(row.id, row.status);
    }
  });
  mkdirSync(places.container(row.id));
  prepare(row);
  engine.open();
  await engine.reconcile();
  return row.id;
}

function alive(row: ContainerRow): ScriptedShim {
  const shim = new ScriptedShim(row.id);
  shim.processes = [runningInit()];
  pool.alive.set(row.id, shim);
  return shim;
}

test('restart: what runs is adopted, and its end is told', async () => {
  let shim: ScriptedShim | undefined;
  const id = await afterRestart({ status: 'running' }, (row) => {
    shim = alive(row);
  });
  assert.equal(engine.inspect(id).status, 'running');
  const ended = engine.wait(id, 'stopped', NEVER);
  shim?.exit(9);
  assert.equal((await ended).code, 9);
});

test('restart: an end that happened meanwhile has its true code', async () => {
  const record = { version: 1, code: 11, signal: 0, oom_kills: 0, at: '2026-01-01T00:00:00.000000000Z' };
  const id = await afterRestart({ status: 'running' }, (row) => {
    writeFileSync(places.record(row.id), JSON.stringify(record));
  });
  assert.deepEqual([engine.inspect(id).status, engine.inspect(id).exit?.code], ['stopped', 11]);
});

test('restart: a shim that is gone without a record makes the exit unknown', async () => {
  const id = await afterRestart({ status: 'paused' });
  const { status, exit } = engine.inspect(id);
  assert.deepEqual([status, exit?.unknown, exit?.code], ['stopped', true, undefined]);
});

test('restart after a reboot: what ran is stopped, even where a socket is left', async () => {
  const id = await afterRestart({ status: 'running', bootId: 'the-last-boot' }, alive);
  assert.deepEqual([engine.inspect(id).status, engine.inspect(id).exit?.unknown], ['stopped', true]);
});

test('restart in the middle of a start: it runs, or it failed', async () => {
  const running = await afterRestart({ intent: 'start' }, alive);
  assert.equal(engine.inspect(running).status, 'running');
  assert.deepEqual(await actions(), ['start']);
});

test('restart in the middle of a start of which nothing is left', async () => {
  const id = await afterRestart({ intent: 'start' });
  const { status, failure, exit } = engine.inspect(id);
  assert.deepEqual([status, exit], ['created', undefined]);
  assert.match(failure ?? '', /daemon ended while/);
});

test('restart in the middle of a removal: it is finished', async () => {
  const id = await afterRestart({ status: 'removing' });
  assert.equal(engine.identify(id), undefined);
  assert.equal(existsSync(places.container(id)), false);
});

test('restart sweeps directories that belong to no container', async () => {
  const stray = join(places.containers, 'f'.repeat(64));
  const halfRemoved = join(places.containers, `${'e'.repeat(64)}.removed`);
  mkdirSync(join(stray, 'upper', 'x'), { recursive: true });
  mkdirSync(halfRemoved);
  engine.open();
  await engine.reconcile();
  assert.deepEqual([existsSync(stray), existsSync(halfRemoved)], [false, false]);
});

test('the daemon lets go of shims, which live on', async () => {
  const { id } = await engine.create(request());
  await engine.start(id);
  await engine.close();
  assert.ok(shimOf(id).isReleased);
  assert.equal(registry.containers.all()[0]?.status, 'running');
});
