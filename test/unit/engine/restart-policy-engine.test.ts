/** What becomes of a container with a restart policy, whatever ends it and whoever is there to see it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { RESTART_POLICIES, type CreateRequest } from '../../../shared/api/container.ts';
import { ScriptedEngine } from './scripted-engine.ts';

const NEVER = new AbortController().signal;

let daemon: ScriptedEngine;
beforeEach(async () => {
  daemon = new ScriptedEngine();
  daemon.pool.prepare = (shim) => {
    shim.onSignal = (signal) => {
      if (signal === 9) shim.exit(137, { signal: 9 });
    };
  };
  await daemon.boot();
});
afterEach(() => daemon.close());

/** Started, and ended with that code. */
async function ended(given: Partial<CreateRequest>, code = 1): Promise<string> {
  const id = await daemon.create(given);
  await daemon.engine.start(id);
  daemon.shimOf(id).exit(code);
  return id;
}

const waits = (id: string): boolean => daemon.engine.inspect(id).restarting;

test('it is started again, and counted; its events are die and start', async () => {
  const id = await ended({ restart: { name: 'always' } }, 0);
  const { restarting, status, restartCount } = daemon.engine.inspect(id);
  assert.deepEqual([restarting, status, restartCount], [true, 'stopped', 1]);
  assert.deepEqual(
    daemon.engine.list({}).map((shown) => shown.id),
    [id],
    'what waits is shown with what runs',
  );
  await daemon.runs(id);
  assert.deepEqual([waits(id), daemon.engine.inspect(id).restartCount], [false, 1]);
  daemon.shimOf(id).exit(0);
  assert.equal(daemon.engine.inspect(id).restartCount, 2);
  await daemon.runs(id);
  assert.deepEqual(await daemon.actions(), ['create', 'start', 'die', 'start', 'die', 'start']);
});

test('on-failure: so often, and after a success not at all', async () => {
  const failing = await ended({ restart: { name: 'on-failure', maximumRetryCount: 1 } });
  await daemon.runs(failing);
  daemon.shimOf(failing).exit(1);
  assert.deepEqual([waits(failing), daemon.engine.inspect(failing).restartCount], [false, 1]);
  const succeeding = await ended({ restart: { name: 'on-failure' } }, 0);
  assert.equal(waits(succeeding), false);
  await daemon.engine.start(failing);
  assert.equal(daemon.engine.inspect(failing).restartCount, 0, 'its user starts it: it counts anew');
});

test('one that its user ends stays so: stop, kill, and a stop of one that waits', async () => {
  for (const name of RESTART_POLICIES) {
    const stopped = await daemon.create({ restart: { name } });
    await daemon.engine.start(stopped);
    await daemon.engine.stop(stopped, { timeout: 0 });
    assert.equal(waits(stopped), false, name);
    const killed = await daemon.create({ restart: { name } });
    await daemon.engine.start(killed);
    await daemon.engine.kill(killed, 'KILL');
    assert.deepEqual([waits(killed), daemon.engine.inspect(killed).status], [false, 'stopped'], name);
  }
  const id = await ended({ restart: { name: 'always' } });
  const told = daemon.engine.wait(id, 'stopped', NEVER);
  await daemon.engine.stop(id, {});
  assert.equal((await told).code, 1, 'the end that it had');
  assert.equal(waits(id), false);
  assert.equal((await daemon.actions()).at(-1), 'stop');
  const other = await ended({ restart: { name: 'always' } });
  await daemon.engine.kill(other, undefined);
  assert.equal(waits(other), false);
  await assert.rejects(daemon.engine.kill(other, undefined), { code: 'container_not_running' });
});

test('a signal that tells it something is none that ends it', async () => {
  const id = await daemon.create({ restart: { name: 'always' } });
  await daemon.engine.start(id);
  await daemon.engine.kill(id, 'HUP');
  daemon.shimOf(id).exit(1);
  assert.equal(waits(id), true);
  await daemon.runs(id);
  await daemon.engine.kill(id, 'TERM');
  daemon.shimOf(id).exit(143, { signal: 15 });
  assert.equal(waits(id), false);
});

test('what needs one that runs is refused while it waits, and so is its removal without force', async () => {
  const id = await ended({ restart: { name: 'always' } });
  await assert.rejects(daemon.engine.pause(id), { code: 'container_restarting' });
  await assert.rejects(daemon.engine.createExec(id, { command: ['true'] }), { code: 'container_restarting' });
  await assert.rejects(daemon.engine.remove(id, { force: false }), { code: 'container_restarting' });
  assert.deepEqual((await daemon.engine.pruneContainers({})).removed, []);
  await daemon.engine.remove(id, { force: true });
  assert.deepEqual(daemon.engine.list({ all: true }), []);
});

test('start and restart of one that waits start it now, and it counts anew', async () => {
  const id = await ended({ restart: { name: 'always' } });
  await daemon.engine.start(id);
  assert.deepEqual([daemon.engine.inspect(id).restartCount, daemon.starts(id)], [0, 2]);
  daemon.shimOf(id).exit(1);
  await daemon.engine.restart(id, {});
  assert.deepEqual([daemon.engine.inspect(id).restartCount, daemon.starts(id)], [0, 3]);
  await daemon.engine.restart(id, { timeout: 0 });
  assert.deepEqual([daemon.engine.inspect(id).status, waits(id), daemon.starts(id)], ['running', false, 4]);
});

test('an automatic start that fails is not tried again, and those who wait are told', async () => {
  const id = await ended({ restart: { name: 'always' } }, 4);
  daemon.pool.prepare = (shim) => {
    shim.onStart = () => ({ is: 'failed', failure: { process: '', operation: -1, step: 's', errno: 1, path: '' } });
  };
  assert.equal((await daemon.engine.wait(id, 'stopped', NEVER)).code, 4);
  const { restarting, status, failure } = daemon.engine.inspect(id);
  assert.deepEqual([restarting, status, typeof failure], [false, 'stopped', 'string']);
});

test('another policy: it waits on only where that one would have it wait', async () => {
  const id = await ended({ restart: { name: 'always' } });
  await daemon.engine.update(id, { restart: { name: 'on-failure' } });
  assert.equal(waits(id), true);
  await daemon.engine.update(id, { restart: { name: 'no' } });
  assert.equal(waits(id), false);
  await assert.rejects(daemon.engine.update(id, { restart: { name: 'always', maximumRetryCount: 2 } }), {
    field: 'restart.maximumRetryCount',
  });
  const removing = await daemon.create({ autoRemove: true });
  await assert.rejects(daemon.engine.update(removing, { restart: { name: 'always' } }), { field: 'restart' });
  await assert.rejects(daemon.create({ autoRemove: true, restart: { name: 'always' } }), { field: 'restart' });
});

test('a daemon later: what waits goes on, what its user ended stays so, but for always', async () => {
  const byUser = new Map<string, string>();
  for (const name of RESTART_POLICIES) {
    const id = await daemon.create({ restart: { name } });
    await daemon.engine.start(id);
    await daemon.engine.stop(id, { timeout: 0 });
    byUser.set(name, id);
  }
  const never = await daemon.create({ restart: { name: 'always' } });
  const waiting = await ended({ restart: { name: 'on-failure', maximumRetryCount: 1 } });
  await daemon.end();
  await daemon.boot();
  await daemon.runs(waiting);
  assert.equal(daemon.engine.inspect(waiting).restartCount, 1);
  await daemon.runs(byUser.get('always') ?? '');
  for (const [name, id] of byUser) {
    assert.equal(daemon.engine.inspect(id).status, name === 'always' ? 'running' : 'stopped', name);
  }
  assert.equal(daemon.engine.inspect(never).status, 'created');
});

test('what ended while there was no daemon is started again, unless its user was ending it', async () => {
  const ids = await Promise.all(
    (['always', 'unless-stopped', 'on-failure', 'no'] as const).map((name) => daemon.create({ restart: { name } })),
  );
  for (const id of ids) await daemon.engine.start(id);
  // a signal of which this daemon does not see what it comes to
  const stopping = await daemon.create({ restart: { name: 'unless-stopped' } });
  await daemon.engine.start(stopping);
  await daemon.engine.kill(stopping, 'TERM');
  await daemon.end();
  await daemon.boot();
  for (const id of ids.slice(0, 3)) await daemon.runs(id);
  assert.equal(daemon.engine.inspect(ids[3] ?? '').status, 'stopped');
  assert.deepEqual([daemon.engine.inspect(stopping).status, daemon.starts(stopping)], ['stopped', 1]);
});

test('another boot of the host: what ran is started again, and counts anew', async () => {
  const policies = RESTART_POLICIES.map((name) => ({ name }));
  const ids = await Promise.all(policies.map((restart) => daemon.create({ restart })));
  for (const id of ids) await daemon.engine.start(id);
  const spent = await ended({ restart: { name: 'on-failure', maximumRetryCount: 1 } });
  await daemon.runs(spent);
  await daemon.end();
  await daemon.boot('another-boot');
  for (const id of [...ids.slice(1), spent]) await daemon.runs(id);
  assert.deepEqual(
    [daemon.engine.inspect(ids[0] ?? '').status, daemon.engine.inspect(spent).restartCount],
    ['stopped', 0],
  );
});

test('a hundred that end at once are all started again', async () => {
  const ids = await Promise.all(Array.from({ length: 100 }, () => ended({ restart: { name: 'always' } })));
  for (const id of ids) await daemon.runs(id);
  assert.deepEqual(daemon.complaints, []);
});
