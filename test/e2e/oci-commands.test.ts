/** tare-oci beside the life of a container: pause, resume, update, ps, list, events, spec, features. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { probeCgroups } from '../../daemon/runtime/cgroups/host.ts';
import { groupOf, readInteger } from '../../oci/events/files.ts';
import { FOREVER, plainConfig, processesOf } from '../harness/oci-config.ts';
import { newId, OciRuntime, type Bundle, type Config } from '../harness/oci.ts';
import { until } from '../harness/until.ts';

const TARE_OCI = join(import.meta.dirname, '../../bin/tare-oci');

let oci: OciRuntime;
let bundle: Bundle;
before(() => {
  oci = new OciRuntime();
  bundle = oci.bundle(plainConfig(FOREVER));
});
after(() => oci.close());

async function running(from = bundle): Promise<string> {
  const id = newId();
  const created = await oci.create(id, from);
  assert.equal(created.code, 0, created.stderr);
  const started = await oci.start(id);
  assert.equal(started.code, 0, started.stderr);
  return id;
}

async function must(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await oci.invoke(words);
  assert.equal(code, 0, `${words.join(' ')}: ${stderr}`);
  return stdout;
}

/** The one line that it says on stderr; exit code 1, nothing on stdout. */
async function refused(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await oci.invoke(words);
  assert.deepEqual([code, stdout], [1, ''], words.join(' '));
  assert.match(stderr, /^tare-oci: [^\n]+\n$/);
  return stderr;
}

/** A limit of the container as the kernel has it, by the file's name in either version. */
function limitOf(id: string, controller: string, v1: string, v2: string): bigint | undefined {
  const group = groupOf(probeCgroups(), controller, `/tare-oci/${id}`);
  return readInteger(group, group?.version === 1 ? v1 : v2);
}

const pidsLimit = (id: string) => limitOf(id, 'pids', 'pids.max', 'pids.max');
const memoryLimit = (id: string) => limitOf(id, 'memory', 'memory.limit_in_bytes', 'memory.max');

test('a paused container stands still until it is resumed, and says so', async () => {
  const ticking = oci.bundle(plainConfig(['/bin/sh', '-c', 'while :; do echo >> /ticks; sleep 0.01; done']));
  const id = await running(ticking);
  // not there before the first
  const ticks = (): number =>
    existsSync(ticking.inside('ticks')) ? readFileSync(ticking.inside('ticks'), 'utf8').length : 0;
  await until('the container ticks', () => ticks() > 2);

  assert.match(await refused('resume', id), /is running: it is not paused/);
  await must('pause', id);
  assert.equal((await oci.state(id))?.status, 'paused');
  // However long the commands between the two looks take, what stands still writes nothing.
  const still = ticks();
  assert.ok((JSON.parse(await must('ps', '--format', 'json', id)) as number[]).length > 0);
  assert.equal(ticks(), still);
  assert.match(await refused('pause', id), /is paused: only one that is running or created can be paused/);

  await must('resume', id);
  assert.equal((await oci.state(id))?.status, 'running');
  await until('the container ticks again', () => ticks() > still);
  await oci.delete(id, true);
});

test('a container that is only created can be paused, and starts once it is resumed', async () => {
  const id = newId();
  assert.equal((await oci.create(id, bundle)).code, 0);
  await must('pause', id);
  assert.equal((await oci.state(id))?.status, 'paused');
  await must('resume', id);
  assert.equal((await oci.state(id))?.status, 'created');
  assert.equal((await oci.start(id)).code, 0);
  await oci.delete(id, true);
});

test('update changes what is named, by flags, a file or stdin, and leaves the rest', async () => {
  const id = await running();
  await must('update', '--pids-limit', '17', '--memory', '64m', id);
  assert.equal(pidsLimit(id), 17n);
  assert.equal(memoryLimit(id), 64n << 20n);

  await must('update', '--pids-limit=-1', id);
  assert.equal(pidsLimit(id), undefined, 'no limit');
  assert.equal(memoryLimit(id), 64n << 20n);

  const file = join(oci.folder, 'resources.json');
  writeFileSync(file, JSON.stringify({ pids: { limit: 23 }, devices: [], cpu: { shares: 0 } }));
  await must('update', '--resources', file, '--pids-limit', '5', id);
  assert.equal(pidsLimit(id), 23n, 'the file counts, the flag beside it does not');

  const input = JSON.stringify({ pids: { limit: 29 } });
  const given = spawnSync(TARE_OCI, ['--root', oci.root, 'update', '-r', '-', id], { input, encoding: 'utf8' });
  assert.equal(given.status, 0, given.stderr);
  assert.equal(pidsLimit(id), 29n);
  await oci.delete(id, true);
});

test('update does all or nothing, and says why', async () => {
  const id = await running();
  await must('update', '--pids-limit', '17', id);
  assert.match(
    await refused('update', '--pids-limit', '99', '--cpuset-cpus', '8190', id),
    /linux\.resources\.cpu\.cpus|cpuset\.cpus/,
  );
  assert.equal(pidsLimit(id), 17n);
  assert.match(await refused('update', id), /update needs --resources or at least one limit/);
  assert.match(await refused('update', '--memory', 'much', id), /--memory: "much" is not a size/);
  assert.match(await refused('update', '--pids-limit', 'x', id), /--pids-limit takes a whole number, not "x"/);
  assert.match(await refused('update', '--l3-cache-schema', 'L3:0=f', id), /--l3-cache-schema is not supported/);
  assert.match(await refused('update', '--resources', '/no/such/file', id), /\/no\/such\/file cannot be read: ENOENT/);
  const file = join(oci.folder, 'wrong.json');
  writeFileSync(file, '{"pids": {"limit": "many"}}');
  assert.match(await refused('update', '-r', file, id), /linux\.resources\.pids\.limit: an integer is expected/);
  const warned = await oci.invoke(['update', '--kernel-memory', '1', '--pids-limit', '18', id]);
  assert.equal(warned.code, 0);
  assert.match(warned.stderr, /warning: --kernel-memory is ignored/);
  await oci.kill(id);
  await oci.reach(id, 'stopped');
  assert.match(await refused('update', '--pids-limit', '9', id), /is stopped: there are no limits to change/);
  await oci.delete(id, true);
});

test('ps shows the processes as the host numbers them', async () => {
  const id = await running(oci.bundle(plainConfig(['/bin/sh', '-c', '/bin/sleep 100000 & exec /bin/sleep 100000'])));
  const names = (): string[] => processesOf(id).map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  await until('both are what they are to be', () => names().join(' ') === 'sleep sleep');
  const pids = JSON.parse(await must('ps', '-f', 'json', id)) as number[];
  assert.deepEqual(
    pids,
    processesOf(id).sort((a, b) => a - b),
  );
  assert.ok(pids.includes((await oci.state(id))?.pid ?? 0));
  const [head = '', ...lines] = (await must('ps', id)).trimEnd().split('\n');
  assert.deepEqual(head.trim().split(/ +/), ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
  assert.equal(lines.length, 2);
  for (const line of lines) assert.match(line, /\/bin\/sleep 100000$/);
  assert.equal(
    await must('ps', id, '-o', 'pid,comm'),
    `${'PID'.padStart(Math.max(...pids.map((pid) => String(pid).length)))}  COMMAND\n${pids.map((pid) => `${String(pid)}  sleep\n`).join('')}`,
  );
  assert.match(await refused('ps', id, '-Z'), /the option -Z of ps\(1\) is not supported/);
  await oci.delete(id, true);
});

test('list shows every container below the root, and none of another', async () => {
  const other = new OciRuntime();
  try {
    assert.equal((await other.invoke(['list', '-q'])).stdout, '');
    const idle = newId();
    assert.equal((await other.create(idle, other.bundle(plainConfig(FOREVER)))).code, 0);
    const mine = await running();
    const quiet = (await must('list', '--quiet')).trim().split('\n');
    assert.ok(quiet.includes(mine) && !quiet.includes(idle));
    const listed = JSON.parse((await other.invoke(['list', '--format', 'json'])).stdout) as Config[];
    assert.equal(listed.length, 1);
    const { id, status, pid, owner, bundle: place, ociVersion, created } = listed[0] ?? {};
    assert.deepEqual([id, status, owner, ociVersion], [idle, 'created', 'root', '1.2.0']);
    assert.ok(typeof pid === 'number' && pid > 0 && typeof place === 'string' && place.startsWith(other.folder));
    assert.match(String(created), /^\d{4}-\d\d-\d\dT.*Z$/);
    const table = (await other.invoke(['list'])).stdout.split('\n');
    assert.match(table[0] ?? '', /^ID +PID +STATUS +BUNDLE +CREATED +OWNER$/);
    assert.match(table[1] ?? '', new RegExp(`^${idle} +${String(pid)} +created +/.* +root$`));
    await other.delete(idle, true);
    await oci.delete(mine, true);
  } finally {
    await other.close();
  }
});

interface Event {
  readonly type: string;
  readonly id: string;
  readonly data?: {
    readonly cpu: { readonly usage: { readonly total: number } };
    readonly memory: { readonly usage: { readonly limit: number; readonly usage: number }; readonly raw: object };
    readonly pids: { readonly current: number; readonly limit?: number };
    readonly blkio: object;
    readonly hugetlb: object;
    readonly network_interfaces: readonly { readonly Name: string }[];
  };
}

test('events --stats counts what the container uses', async () => {
  const id = await running();
  await must('update', '--pids-limit', '44', '--memory', '64m', id);
  const { type, id: named, data } = JSON.parse(await must('events', '--stats', id)) as Event;
  assert.deepEqual([type, named], ['stats', id]);
  assert.ok(data !== undefined && data.cpu.usage.total > 0);
  assert.ok(data.memory.usage.usage > 0 && data.memory.usage.usage <= data.memory.usage.limit);
  assert.equal(data.memory.usage.limit, 64 << 20);
  assert.deepEqual(data.pids, { current: 1, limit: 44 });
  assert.ok(Object.keys(data.memory.raw).length > 5);
  assert.deepEqual(data.network_interfaces, [], 'loopback alone');
  await oci.kill(id);
  await oci.reach(id, 'stopped');
  assert.match(await refused('events', '--stats', id), /is stopped: there is nothing to count/);
  assert.match(await refused('events', '--interval', '0', id), /--interval: 0 is out of range/);
  await oci.delete(id, true);
});

test('events goes on until the container ends, and tells when memory runs out', async () => {
  const hungry = [
    '/bin/sh',
    '-c',
    'until [ -e /go ]; do sleep 0.02; done; busybox awk \'BEGIN { s = "x"; while (1) s = s s }\'; touch /fed; sleep 100000',
  ];
  const resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
  const config = plainConfig(hungry);
  const starving = oci.bundle({ ...config, linux: { ...(config.linux as Config), resources } });
  const id = await running(starving);
  const child = spawn(TARE_OCI, ['--root', oci.root, 'events', '--interval', '50ms', id], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const told: Event[] = [];
  createInterface(child.stdout).on('line', (line) => told.push(JSON.parse(line) as Event));
  try {
    await until('two stats are told', () => told.filter(({ type }) => type === 'stats').length >= 2);
    assert.equal(
      told.some(({ type }) => type === 'oom'),
      false,
    );
    writeFileSync(starving.inside('go'), '');
    await until('the want of memory is told', () => told.some(({ type }) => type === 'oom'));
    assert.ok(told.every((event) => event.id === id));
    await oci.kill(id);
    assert.deepEqual(await ended, [0, null], 'it ends with the container');
  } finally {
    child.kill('SIGKILL');
    await oci.delete(id, true);
  }
});

test('spec writes a bundle that runs, once', async () => {
  for (const flags of [[], ['--rootless']]) {
    const made = oci.bundle({});
    const folder = join(made.folder, 'new');
    mkdirSync(folder);
    await must('spec', '--bundle', folder, ...flags);
    assert.match(await refused('spec', '-b', folder), /\/new\/config\.json is there already/);
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { process: Config; root: Config };
    assert.deepEqual(config.process.args, ['sh']);
    assert.equal(config.root.readonly, true);
    config.process = { ...config.process, args: ['/bin/sh', '-c', 'id -u; hostname'], terminal: false };
    made.write({ ...config });
    const { created, started, stdout, stderr } = await oci.runToEnd(made);
    assert.deepEqual([created.code, started?.code, stdout], [0, 0, '0\ntare\n'], `${created.stderr} ${stderr}`);
  }
  assert.match(
    await refused('spec', '--bundle', '/no/such/folder'),
    /\/no\/such\/folder\/config\.json cannot be written/,
  );
});

test('features and version need no container and no root directory', async () => {
  const { ociVersionMax, linux } = JSON.parse(await must('features')) as {
    ociVersionMax: string;
    linux: { seccomp: { supportedFlags: string[] } };
  };
  assert.equal(ociVersionMax, '1.3.0');
  // Every kernel that this runtime starts on has it.
  assert.ok(linux.seccomp.supportedFlags.includes('SECCOMP_FILTER_FLAG_TSYNC'));
  const version = await must('--version');
  assert.match(version, /^tare-oci version \d+\.\d+\.\d+\n(commit: [0-9a-f]{40}\n)?spec: 1\.3\.0\nnode: 24\./);
  for (const words of [['features', 'x'], ['list', 'x'], ['pause'], ['pause', 'a', 'b'], ['frobnicate']]) {
    await refused(...words);
  }
});
