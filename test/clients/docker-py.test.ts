/** python3-docker of Debian: docker_py_session.py goes through its themes against tare; what failed is here by name. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../harness/daemon.ts';
import { Engine } from './docker-api/engine.ts';

const SESSION = join(import.meta.dirname, 'docker_py_session.py');
const THEMES = [
  ...['system', 'run', 'life', 'execs', 'attach', 'archives', 'logs', 'events', 'stats', 'images', 'networks'],
  'volumes',
];

let engine: Engine;
let outcomes: Record<string, string> = {};

before(async () => {
  engine = await Engine.open('tare');
  const python = engine.room.tool('python', ['timeout', '120', 'python3', '-B', SESSION], {
    DOCKER_HOST: `unix://${engine.socket}`,
  });
  const { stdout, stderr } = await run(python, []);
  assert.match(stdout, /^\{/, stderr);
  outcomes = JSON.parse(stdout) as Record<string, string>;
});
after(() => engine.close());

test('every theme was gone through', () => {
  assert.deepEqual(Object.keys(outcomes), THEMES);
});

for (const theme of THEMES) {
  test(theme, () => {
    assert.equal(outcomes[theme], 'done');
  });
}

test('nothing is left of it', async () => {
  const { body } = await engine.client.send<unknown[]>('GET', '/v1.41/containers/json?all=1');
  assert.deepEqual(body, []);
});
