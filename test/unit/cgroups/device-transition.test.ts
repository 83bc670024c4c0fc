/** A new list of devices for a running group of v1, on the real hierarchy of this machine. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { controllerPlace, groupDirectory, probeCgroups } from '../../../daemon/runtime/cgroups/host.ts';
import * as live from '../../../daemon/runtime/cgroups/live.ts';
import type { DeviceRule } from '../../../daemon/runtime/spec/types.ts';

const TOP = `/tare-unit-${randomBytes(6).toString('hex')}`;
const HOST = live.prepareParent(probeCgroups(), TOP);
const PLACE = controllerPlace(HOST, 'devices');

after(() => live.remove(HOST, TOP, 30_000));

const directoryOf = (path: string): string => {
  assert.ok(PLACE !== undefined);
  return groupDirectory(PLACE.hierarchy, path);
};
const listOf = (path: string): string[] =>
  readFileSync(join(directoryOf(path), 'devices.list'), 'utf8')
    .trim()
    .split('\n')
    .sort();
const ALWAYS = ['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:1', '5:2', '136:*'].map((device) => `c ${device} rwm`);
const withAlways = (...lines: string[]): string[] => ['b *:* m', 'c *:* m', ...ALWAYS, ...lines].sort();
const rule = (major: number, minor: number | undefined, access: string): DeviceRule => ({
  allow: true,
  type: 'c',
  major,
  ...(minor === undefined ? {} : { minor }),
  access,
});

function makeGroup(name: string, ...lines: string[]): string {
  const path = `${TOP}/${name}`;
  mkdirSync(directoryOf(path));
  writeFileSync(join(directoryOf(path), 'devices.deny'), 'a');
  for (const line of withAlways(...lines)) writeFileSync(join(directoryOf(path), 'devices.allow'), line);
  return path;
}

/** Opens /dev/null as fast as it can; ends with 1 at the first refusal, with 0 when its stdin ends. */
async function opener(path: string): Promise<ChildProcess> {
  const script = `
    const { closeSync, openSync } = require('node:fs');
    process.stdin.on('end', () => process.exit(0)).resume();
    const turn = () => {
      for (let round = 0; round < 200; round++) closeSync(openSync('/dev/null', 'r+'));
      setImmediate(turn);
    };
    process.stdout.write('ready');
    turn();
  `;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  writeFileSync(join(directoryOf(path), 'cgroup.procs'), String(child.pid));
  return child;
}

void test('a list becomes another, and nobody is refused what both allow', async (context) => {
  // On v2 alone a program guards devices, which is replaced in one step; the virtual machine's tests show it.
  if (PLACE?.version !== 1) {
    context.diagnostic('no v1 devices here');
    return;
  }
  const path = makeGroup('both', 'c 10:200 rw', 'c 10:229 rwm');
  const busy = await opener(path);
  const exited = once(busy, 'exit');
  for (let round = 0; round < 200; round++) {
    live.update(HOST, path, { devices: [rule(10, 229, 'r'), rule(4, undefined, 'rw')] });
    live.update(HOST, path, { devices: [rule(10, 200, 'rw')] });
  }
  live.update(HOST, path, { devices: [rule(10, 229, 'r'), rule(4, undefined, 'rw'), rule(10, 229, 'w')] });
  assert.deepEqual(listOf(path), withAlways('c 10:229 rw', 'c 4:* rw'));
  live.update(HOST, path, { devices: [] });
  assert.deepEqual(listOf(path), withAlways());
  busy.stdin?.end();
  assert.deepEqual(await exited, [0, null], 'whoever opened /dev/null all the while was never refused');
});

void test('what the group above does not allow is refused by its line, and all is as it was', (context) => {
  if (PLACE?.version !== 1) {
    context.diagnostic('no v1 devices here');
    return;
  }
  const parent = makeGroup('narrow', 'c 10:200 rwm', 'c 10:229 rwm');
  const path = `${parent}/child`;
  mkdirSync(directoryOf(path));
  writeFileSync(join(directoryOf(path), 'devices.deny'), 'c 10:229 rwm');
  const before = listOf(path);
  assert.throws(
    () => {
      live.update(HOST, path, { devices: [rule(10, 229, 'rw'), rule(7, 1, 'r')] });
    },
    {
      name: 'CgroupError',
      code: 'EPERM',
      field: 'linux.resources.devices',
      message: /c 7:1 r: the group above does not allow it/,
    },
  );
  assert.deepEqual(listOf(path), before);
});

void test('between a list of what is allowed and one of what is denied there is no such way', (context) => {
  if (PLACE?.version !== 1) {
    context.diagnostic('no v1 devices here');
    return;
  }
  const path = makeGroup('strict');
  const refusal = { name: 'SpecError', field: 'linux.resources.devices', kind: 'unsupported' };
  assert.throws(() => {
    live.update(HOST, path, { devices: [{ allow: true, access: 'rwm' }] });
  }, refusal);
  assert.deepEqual(listOf(path), withAlways());
  const open = `${TOP}/open`;
  mkdirSync(directoryOf(open));
  writeFileSync(join(directoryOf(open), 'devices.allow'), 'a');
  assert.throws(() => {
    live.update(HOST, open, { devices: [] });
  }, refusal);
  assert.deepEqual(listOf(open), ['a *:* rwm']);
});
