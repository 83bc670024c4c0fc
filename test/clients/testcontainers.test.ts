/**
 * testcontainers against tare, in the room where its ports are reached. Its reaper is switched off by the variable that
 * testcontainers has for it: the image of ryuk cannot be pulled into a room without a network.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../harness/daemon.ts';
import { Engine } from './docker-api/engine.ts';

const SESSION = join(import.meta.dirname, 'testcontainers-session.ts');

let engine: Engine;
before(async () => {
  engine = await Engine.open('tare');
});
after(() => engine.close());

test('starts, waits for port, log and health, executes, copies, and leaves nothing', async () => {
  const before = await engine.docker('network', 'ls', '--quiet', '--no-trunc');
  const session = engine.room.tool('session', ['timeout', '120', process.execPath, '--no-warnings', SESSION], {
    DOCKER_HOST: `unix://${engine.socket}`,
    TESTCONTAINERS_RYUK_DISABLED: 'true',
  });
  const { stdout, stderr } = await run(session, []);
  assert.match(stdout, /^\{/, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    ...{ page: 'served\n', reached: 'served\n', exitCode: 0, stdout: 'out\n', stderr: 'err\n', failed: 3 },
    ...{ again: 'served\n', copied: 'from outside', archived: true },
  });
  const { body } = await engine.client.send<unknown[]>('GET', '/v1.41/containers/json?all=1');
  assert.deepEqual(body, []);
  assert.equal((await engine.docker('network', 'ls', '--quiet', '--no-trunc')).stdout, before.stdout);
});
