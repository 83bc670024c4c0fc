/** tare-oci run and exec: exit codes, streams, signals, and what a further process is given. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FOREVER, groupsOf, plainConfig, processesOf } from '../harness/oci-config.ts';
import { newId, OciRuntime, type Bundle } from '../harness/oci.ts';
import { until } from '../harness/until.ts';

const TARE_OCI = join(import.meta.dirname, '../../bin/tare-oci');

let oci: OciRuntime;
let id: string;
before(async () => {
  oci = new OciRuntime();
  id = newId();
  const bundle = oci.bundle(plainConfig(FOREVER, { env: ['PATH=/bin', 'KEPT=yes'] }));
  assert.equal((await oci.create(id, bundle)).code, 0);
  assert.equal((await oci.start(id)).code, 0);
});
after(() => oci.close());

const shell = (script: string, process = {}): Bundle => oci.bundle(plainConfig(['/bin/sh', '-c', script], process));

function begin(args: readonly string[], input?: string): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(TARE_OCI, ['--root', oci.root, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  child.stdin.end(input);
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => ({ code, signal, stdout, stderr }) as Ended);
  return { child, ended };
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const call = (args: readonly string[], input?: string): Promise<Ended> => begin(args, input).ended;
const runIn = (bundle: Bundle, flags: readonly string[] = [], input?: string): Promise<Ended> =>
  call(['run', '--bundle', bundle.folder, ...flags, newId()], input);

test('run gives the exit code and the streams of the program, and leaves nothing', async () => {
  const name = newId();
  const bundle = shell('cat; echo complaint >&2; exit 42');
  const ended = await call(['run', '--bundle', bundle.folder, name], 'from stdin\n');
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [42, 'from stdin\n', 'complaint\n']);
  assert.equal(existsSync(join(oci.root, name)), false);
  assert.deepEqual(groupsOf(name), []);
  assert.equal((await runIn(shell('kill -KILL $$; sleep 1; exit 3'))).code, 3);
});

test('run tells a program that cannot be run, and ends with 1', async () => {
  const name = newId();
  const bundle = oci.bundle(plainConfig(['no-such-program']));
  const { code, stderr } = await call(['run', '--bundle', bundle.folder, name]);
  assert.equal(code, 1);
  assert.match(stderr, /"no-such-program": executable file not found in \$PATH/);
  assert.equal(existsSync(join(oci.root, name)), false);
  assert.deepEqual(groupsOf(name), []);
});

test('run passes signals on', async () => {
  const name = newId();
  const bundle = shell('trap "exit 17" TERM; touch /ready; while :; do sleep 0.05; done');
  const { child, ended } = begin(['run', '--bundle', bundle.folder, name]);
  await until('it listens', () => existsSync(bundle.inside('ready')));
  child.kill('SIGTERM');
  assert.equal((await ended).code, 17);
  assert.equal(existsSync(join(oci.root, name)), false);
});

test('run --keep leaves a stopped container, run --detach a running one', async () => {
  const [kept, detached] = [newId(), newId()];
  assert.equal((await call(['run', '--keep', '--bundle', shell('exit 5').folder, kept])).code, 5);
  assert.equal((await oci.state(kept))?.status, 'stopped');
  assert.equal((await oci.delete(kept)).code, 0);

  const bundle = oci.bundle(plainConfig(FOREVER));
  const pidFile = join(oci.folder, 'detached.pid');
  const { code } = await oci.invoke(['run', '--detach', '--pid-file', pidFile, '--bundle', bundle.folder, detached]);
  assert.equal(code, 0);
  const state = await oci.state(detached);
  assert.equal(state?.status, 'running');
  assert.equal(state.pid, Number(readFileSync(pidFile, 'utf8')));
  assert.equal((await oci.delete(detached, true)).code, 0);
});

test('a program has HOME from the container’s own file, unless it is told another', async () => {
  assert.equal((await runIn(shell('echo $HOME'))).stdout, '/root\n');
  assert.equal((await runIn(shell('echo $HOME', { user: { uid: 1000, gid: 1000 } }))).stdout, '/home/alice\n');
  assert.equal((await runIn(shell('echo $HOME', { env: ['PATH=/bin', 'HOME=/elsewhere'] }))).stdout, '/elsewhere\n');
});

test('exec gives the exit code and the streams, and joins all that the container has', async () => {
  const script =
    'cat; echo complaint >&2; for name in pid mnt net; do for of in self 1; do readlink /proc/$of/ns/$name; done; done; exit 9';
  const ended = await call(['exec', id, '/bin/sh', '-c', script], 'in\n');
  assert.equal(ended.code, 9);
  assert.equal(ended.stderr, 'complaint\n');
  const [first, ...namespaces] = ended.stdout.trim().split('\n');
  assert.equal(first, 'in');
  assert.equal(namespaces.length, 6);
  for (let at = 0; at < namespaces.length; at += 2) assert.equal(namespaces[at], namespaces[at + 1]);
  assert.notEqual(namespaces[0], readlinkSync('/proc/self/ns/pid'));
  const groups = await call(['exec', id, 'cat', '/proc/self/cgroup']);
  assert.match(groups.stdout, /:\/$/m);
});

test('exec takes user, groups, directory, environment and capabilities from its flags, the rest from the container', async () => {
  const flags = [
    '--user',
    '1000:1001',
    '-g',
    '10',
    '--cwd',
    '/tmp',
    '-e',
    'NEW=1',
    '--cap',
    'CAP_NET_RAW',
    '--no-new-privs',
  ];
  const script = 'id -u; id -g; id -G; pwd; echo $KEPT $NEW $HOME; grep -E "CapBnd|NoNewPrivs" /proc/self/status';
  const { code, stdout, stderr } = await oci.exec(id, ['/bin/sh', '-c', script], flags);
  assert.equal(code, 0, stderr);
  const [uid, gid, groups, cwd, environment, bounding, noNewPrivs] = stdout.trim().split('\n');
  assert.deepEqual([uid, gid, groups, cwd, environment], ['1000', '1001', '1001 10', '/tmp', 'yes 1 /home/alice']);
  assert.equal(BigInt(`0x${bounding?.split('\t')[1] ?? ''}`) & (1n << 13n), 1n << 13n);
  assert.equal(noNewPrivs, 'NoNewPrivs:\t1');
});

test('exec --process takes all of it from the file', async () => {
  const path = join(oci.folder, 'process.json');
  const wanted = { args: ['/bin/sh', '-c', 'echo $KEPT,$ONLY; pwd'], cwd: '/var', env: ['ONLY=this'], unheardOf: 1 };
  writeFileSync(path, JSON.stringify({ ...wanted, user: { uid: 0, gid: 0 } }));
  const { code, stdout, stderr } = await oci.invoke(['exec', '--process', path, id]);
  assert.deepEqual([code, stdout, stderr], [0, ',this\n/var\n', '']);
});

test('what a process or a bundle says in vain is left out with a warning', async () => {
  const path = join(oci.folder, 'vain.json');
  const capabilities = { permitted: ['CAP_KILL'], ambient: ['CAP_KILL'] };
  const wanted = {
    args: ['/bin/grep', 'CapAmb', '/proc/self/status'],
    cwd: '/',
    user: { uid: 0, gid: 0 },
    capabilities,
  };
  writeFileSync(path, JSON.stringify(wanted));
  const exec = await oci.invoke(['exec', '--process', path, id]);
  const told = 'tare-oci: warning: process.capabilities.ambient: CAP_KILL: not inheritable, and so never ambient\n';
  assert.deepEqual([exec.code, exec.stdout, exec.stderr], [0, 'CapAmb:\t0000000000000000\n', told]);
  const config = plainConfig(['/bin/true'], { capabilities });
  const log = join(oci.folder, 'vain.log');
  const { code, stderr } = await call(['--log', log, 'run', '--bundle', oci.bundle(config).folder, newId()]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    readFileSync(log, 'utf8'),
    /^time=\S+ level=warning msg="process\.capabilities\.ambient: CAP_KILL: .*"\n$/,
  );
});

test('exec --detach returns at once, and the process lives on', async () => {
  const pidFile = join(oci.folder, 'exec.pid');
  const { code, stderr } = await oci.exec(id, ['/bin/sleep', '100000'], ['--detach', '--pid-file', pidFile]);
  assert.equal(code, 0, stderr);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  assert.equal(processesOf(id).includes(pid), true);
  assert.deepEqual(readdirSync(`/proc/${pid}/fd`).sort(), ['0', '1', '2']);
  process.kill(pid, 'SIGKILL');
  await until('it is gone', () => !processesOf(id).includes(pid));
});

test('exec tells what cannot be run with 255, and in the words that callers look for', async () => {
  const cases: [command: string, said: RegExp][] = [
    ['nope', /"nope": executable file not found in \$PATH/],
    ['/nope', /"\/nope".*no such file or directory/],
    ['/etc/passwd', /"\/etc\/passwd": permission denied/],
  ];
  for (const [command, said] of cases) {
    const { code, stderr } = await oci.exec(id, [command]);
    assert.equal(code, 255);
    assert.match(stderr, said);
  }
  assert.equal((await oci.exec(newId(), ['true'])).code, 255);
  assert.match((await oci.exec(id, ['true'], ['--user', 'alice'])).stderr, /UID/);
});

test('--preserve-fds hands exactly those descriptors on', async () => {
  const path = join(oci.folder, 'handed');
  const pidFile = join(oci.folder, 'handed.pid');
  writeFileSync(path, 'handed over');
  const [wanted, other] = [openSync(path, 'r'), openSync(path, 'r')];
  const flags = ['--preserve-fds', '1', '--detach', '--pid-file', pidFile];
  const args = ['--root', oci.root, 'exec', ...flags, id, '/bin/sleep', '100000'];
  const child = spawn(TARE_OCI, args, { stdio: ['ignore', 'ignore', 'inherit', wanted, other] });
  closeSync(wanted);
  closeSync(other);
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  assert.deepEqual(readdirSync(`/proc/${pid}/fd`).sort(), ['0', '1', '2', '3']);
  assert.equal(readFileSync(`/proc/${pid}/fd/3`, 'utf8'), 'handed over');
  process.kill(pid, 'SIGKILL');
});

test('sockets of systemd’s kind are handed on, and counted for the program', async () => {
  const path = join(oci.folder, 'listening');
  writeFileSync(path, 'listening');
  const descriptor = openSync(path, 'r');
  const bundle = shell('echo $LISTEN_FDS $LISTEN_PID; cat <&3');
  const words = `LISTEN_FDS=1 LISTEN_PID=$$ exec ${TARE_OCI} --root ${oci.root} run --bundle ${bundle.folder} ${newId()}`;
  const child = spawn('/bin/sh', ['-c', words], { stdio: ['ignore', 'pipe', 'inherit', descriptor] });
  closeSync(descriptor);
  let stdout = '';
  child.stdout?.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  await once(child, 'close');
  assert.equal(stdout, '1 1\nlistening');
});

test('an id-mapped mount shows its files with the ids that it is given', async () => {
  const source = join(oci.folder, 'mapped');
  mkdirSync(source);
  writeFileSync(join(source, 'file'), '');
  const mapping = [{ containerID: 0, hostID: 5000, size: 1000 }];
  const config = plainConfig(['/bin/stat', '-c', '%u:%g', '/tmp/file']);
  const mount = {
    destination: '/tmp',
    type: 'bind',
    source,
    options: ['bind'],
    uidMappings: mapping,
    gidMappings: mapping,
  };
  const bundle = oci.bundle({ ...config, mounts: [...(config.mounts as object[]), mount] });
  const { code, stdout, stderr } = await runIn(bundle);
  assert.deepEqual([code, stdout], [0, '5000:5000\n'], stderr);
});
