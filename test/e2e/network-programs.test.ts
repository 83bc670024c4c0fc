/** strace of the daemon over networked lives: nothing is executed but the shim and what the containers run. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { NetworkRoom, OUTSIDE } from '../harness/network.ts';
import { until } from '../harness/until.ts';

let room: NetworkRoom;
let trace: string;
const folder = mkdtempSync(join(tmpdir(), 'tare-strace-'));
before(async () => {
  trace = join(folder, 'trace');
  // -D: the daemon is the test's own child, and strace stands beside it.
  const under = ['strace', '-D', '-f', '-qq', '-e', 'trace=execve,execveat', '-e', 'signal=none', '-o', trace];
  room = await NetworkRoom.open({ under });
});
after(async () => {
  await room.close();
  rmSync(folder, { recursive: true, force: true });
});

/** argv[0] of all execve calls so far: the shim is executed by a descriptor, and programs are looked for in PATH. */
function executed(): string[] {
  return readFileSync(trace, 'utf8')
    .split('\n')
    .flatMap((line) => /execve(?:at)?\(.*?\["([^"]*)"/.exec(line)?.[1] ?? []);
}

test('no execve over networked lives but the shim’s and the programs’', async () => {
  const { client } = room.daemon;
  const start = executed().length;
  assert.ok(start > 0, 'nothing was traced');
  await room.network('town');
  await room.network('side');
  const server = await room.listener(['tcp:80'], {
    name: 'server',
    network: { networks: [{ network: 'town' }], publish: [{ hostPort: 8080, containerPort: 80, count: 100 }] },
  });
  assert.match(await room.outside.ask('tcp', '203.0.113.1', 8080), new RegExp(` ${server.v4}$`));
  const other = await room.idle({ network: { networks: [{ network: 'town' }] } });
  assert.match(await other.place.ask('tcp', 'server', 80, { family: 4 }), new RegExp(` ${server.v4}$`));
  await client.must('POST', '/v1/networks/side/connect', { container: other.id });
  await client.must('POST', '/v1/networks/side/disconnect', { container: other.id });
  await client.must('POST', `/v1/containers/${server.id}/update`, { publish: [] });
  await room.daemon.runToEnd(['talk', 'ask', '-t', '1', 'tcp', OUTSIDE.far4, '80']);
  await room.remove(server, other);
  await client.must('DELETE', '/v1/networks/side');
  await until('the trace has it all', () => executed().filter((path) => path.endsWith('talk')).length >= 2);
  const programs = new Set(executed().slice(start));
  assert.deepEqual([...programs].sort(), ['sleep', 'talk', 'tare-shim']);
});
