/** A control group that a shim makes ahead. Any directory does: what is made, renamed and removed is a directory. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Shim, eventually, plan } from './shim.ts';

interface Ahead {
  readonly shim: Shim;
  readonly client: ReturnType<Shim['client']>;
  readonly parent: string;
  readonly spare: string;
}

async function ahead(t: TestContext): Promise<Ahead> {
  const parent = mkdtempSync(join(tmpdir(), 'tare-group-'));
  t.after(() => {
    rmSync(parent, { recursive: true, force: true });
  });
  const spare = join(parent, 'spare');
  const shim = await Shim.run(t, { options: ['--spare-group', spare] });
  await eventually('the group is made', () => existsSync(spare));
  return { shim, client: shim.client(), parent, spare };
}

const startWith = ({ client }: Ahead, group: string) =>
  client.started({
    plan: plan([{ op: 'cgroup_make', host: group, keep: 0 }, { op: 'await_settled' }], ['/bin/sleep', '1000']),
  });

test('it takes the name of the one that is to be made beside it, and goes with the container', async (t) => {
  const one = await ahead(t);
  const { ino } = statSync(one.spare);
  const group = join(one.parent, 'container');
  const init = await startWith(one, group);
  assert.equal(statSync(group).ino, ino);
  assert.ok(!existsSync(one.spare));
  process.kill(Number(init.pid), 'SIGKILL');
  await eventually('the group is removed', () => !existsSync(group));
});

test('one that is made elsewhere is made, and the spare one goes', async (t) => {
  const one = await ahead(t);
  mkdirSync(join(one.parent, 'below'));
  const group = join(one.parent, 'below', 'container');
  await startWith(one, group);
  assert.ok(existsSync(group));
  assert.ok(!existsSync(one.spare));
});

test('one that is there already is used as it is, and stays', async (t) => {
  const one = await ahead(t);
  const group = join(one.parent, 'container');
  mkdirSync(join(group, 'of somebody'), { recursive: true });
  await one.client.subscribe();
  const init = await startWith(one, group);
  assert.ok(existsSync(join(group, 'of somebody')));
  assert.ok(!existsSync(one.spare));
  process.kill(Number(init.pid), 'SIGKILL');
  await one.client.exited();
  // answered after whatever is removed
  await one.client.status();
  assert.ok(existsSync(group));
});

test('it goes with a shim that was not needed', async (t) => {
  const one = await ahead(t);
  await one.client.expect('ok', { is: 'shutdown', tag: 0 });
  await eventually('the spare group is removed', () => !existsSync(one.spare));
});
