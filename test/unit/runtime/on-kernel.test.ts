/** Compiled plans, carried out: what a program inside then sees. Needs root. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { DEFAULT_CAPABILITIES, capabilityMask } from '../../../daemon/runtime/capabilities.ts';
import { groupDirectory, hierarchies, probeCgroups } from '../../../daemon/runtime/cgroups/host.ts';
import { prepareParent } from '../../../daemon/runtime/cgroups/prepare.ts';
import { compileExec } from '../../../daemon/runtime/plan/compile-exec.ts';
import { namespaceFlags } from '../../../daemon/runtime/plan/compile-namespaces.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { RootSource } from '../../../daemon/runtime/plan/target.ts';
import { defaultSeccomp } from '../../../daemon/runtime/seccomp/default-profile.ts';
import { defaultSpec, mergeSpec, probeSpecHost } from '../../../daemon/runtime/spec/default-spec.ts';
import type { Mount, Process, Spec } from '../../../daemon/runtime/spec/types.ts';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { makeRootfs } from '../../harness/rootfs.ts';
import { Shim, eventually, type Client } from '../shim/shim.ts';

const parent = `/tare-test-plan-${String(process.pid)}`;
let base = '';
let rootfs = '';
let cgroups = probeCgroups();

before(() => {
  base = mkdtempSync(join(tmpdir(), 'tare-plan-'));
  rootfs = makeRootfs(join(base, 'rootfs'));
  mkdirSync(join(base, 'mnt'));
  cgroups = prepareParent(cgroups, parent);
});

/** Also what a failed test left: its processes were killed, and leave their groups a moment later. */
function removeGroup(directory: string): true | undefined {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory() && removeGroup(join(directory, entry.name)) !== true) return undefined;
  }
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return undefined; // EBUSY
  }
}

after(async () => {
  for (const hierarchy of hierarchies(cgroups)) {
    await eventually('an empty control group', () => removeGroup(groupDirectory(hierarchy, parent)));
  }
  rmSync(base, { recursive: true });
});

function spec(script: string, partial: unknown): Spec {
  const seccomp = defaultSeccomp(new Set(DEFAULT_CAPABILITIES));
  const args = ['sh', '-c', script];
  const found = defaultSpec({ host: probeSpecHost(), args, hostname: 'inside', seccomp });
  return validateSpec(mergeSpec(found, partial), { unknown: 'refuse' });
}

/** The text of a log in CRI format. */
function logged(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.map((line) => /^\S+ std(?:out|err) [FP] ([^]*)$/.exec(line)?.[1] ?? '').join('\n');
}

class Container {
  readonly name: string;
  readonly spec: Spec;
  readonly client: Client;
  private readonly shim: Shim;
  private execs = 0;

  private constructor(name: string, wanted: Spec, shim: Shim, client: Client) {
    this.name = name;
    this.spec = wanted;
    this.shim = shim;
    this.client = client;
  }

  static async start(t: TestContext, wanted: Spec, root: RootSource): Promise<Container> {
    const shim = await Shim.run(t);
    const client = await shim.client().subscribe();
    const id = String(shim.pid);
    const cgroupPath = `${parent}/${id}`;
    const mountPoint = join(base, 'mnt');
    const plan = compileStart(wanted, {
      root,
      mountPoint,
      cgroupPath,
      cgroups,
      bundle: base,
      awaitGo: false,
      noPivot: false,
      newKeyring: true,
      id,
    });
    const container = new Container(id, wanted, shim, client);
    await container.launch('', encodePlan(plan), wanted.process?.terminal === true);
    return container;
  }

  private async launch(name: string, plan: Buffer, terminal: boolean): Promise<void> {
    const stdio = terminal ? STDIO.terminal : STDIO.pipes;
    const log = this.shim.path(`log${name}`);
    await this.client.started({ process: name, plan, stdio, log, log_max_bytes: 1_000_000, log_max_files: 1 });
  }

  async output(name = ''): Promise<string> {
    const { code } = await this.client.exited(name);
    const text = logged(this.shim.path(`log${name}`));
    assert.equal(code, 0, text);
    return text;
  }

  async exec(process: Partial<Process>, userNamespace = false): Promise<string> {
    const name = `exec${String(++this.execs)}`;
    const plan = compileExec(
      this.spec,
      { cwd: '/', env: ['PATH=/bin'], args: [], ...process },
      {
        namespaces: namespaceFlags(this.spec),
        userNamespace,
        cgroupPath: `${parent}/${this.name}`,
        cgroups,
        keyring: `_ses.${this.name}`,
      },
    );
    await this.launch(name, encodePlan(plan), process.terminal === true);
    return await this.output(name);
  }

  async end(): Promise<void> {
    await this.client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 9 });
    await this.client.exited();
    await this.forget();
  }

  async forget(): Promise<void> {
    await this.client.expect('ok', { is: 'forget', tag: 0, process: '' });
    await this.shim.gone();
  }
}

const throwAway = (): RootSource => ({ kind: 'overlay-tmpfs', lower: [rootfs], size: 0 });

test('the default container', async (t) => {
  const script = `
    hostname; pwd; umask; echo pid $$; echo fds $(ls /proc/self/fd | tr '\\n' ' ')
    grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status
    sed 's/^/group /' /proc/self/cgroup; ls /sys/fs/cgroup | sed 's/^/seen /'
    echo x > /sys/fs/cgroup/x || echo cgroups closed; echo 1 > /proc/sys/kernel/panic || echo sysctl closed
    echo x > /x && cat /x; ls /sys/firmware | wc -l; cat /proc/timer_list | wc -c; echo null > /dev/null
    stat -c '%n %t:%T %a' /dev/null /dev/tty /dev/full; readlink /dev/ptmx; readlink /dev/stdin; cat /proc/net/dev | grep -c :
    cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_forward; ulimit -Sn; grep ' / ' /proc/self/mountinfo | wc -l`;
  const partial = { process: { oomScoreAdj: 100 }, linux: { sysctl: { 'net.ipv4.ip_forward': '1' } } };
  const container = await Container.start(t, spec(script, partial), throwAway());
  const text = await container.output();
  const sees = (line: string | RegExp): void => {
    assert.ok(
      typeof line === 'string' ? text.split('\n').includes(line) : line.test(text),
      `${String(line)} in\n${text}`,
    );
  };
  const capabilities = capabilityMask(DEFAULT_CAPABILITIES).toString(16).padStart(16, '0');
  for (const line of ['inside', '/', '0022', 'pid 1', 'cgroups closed', 'sysctl closed', 'x']) sees(line);
  sees(/^fds 0 1 2 3 ?$/m);
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) sees(`${set}:\t${capabilities}`);
  for (const set of ['CapInh', 'CapAmb']) sees(`${set}:\t${'0'.repeat(16)}`);
  for (const line of ['Seccomp:\t2', 'NoNewPrivs:\t0', '/dev/null 1:3 666', '/dev/tty 5:0 666', '/dev/full 1:7 666'])
    sees(line);
  for (const line of ['pts/ptmx', '/proc/self/fd/0', '100', '1', '1024']) sees(line);
  for (const line of text.split('\n').filter((part) => part.startsWith('group '))) assert.match(line, /:\/$/);
  for (const { mount } of cgroups.v1) sees(`seen ${mount.slice(mount.lastIndexOf('/') + 1)}`);
  await container.forget();
});

test('every kind of mount', async (t) => {
  const shared = join(base, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'file'), 'from the host\n');
  const mounts: Mount[] = [
    { destination: '/mnt/made/here', type: 'bind', source: 'shared', options: ['rbind', 'ro', 'nosuid', 'rslave'] },
    {
      destination: '/mnt/file',
      type: 'bind',
      source: join(shared, 'file'),
      options: ['bind', 'noexec', 'rro', 'private'],
    },
    { destination: '/etc', type: 'tmpfs', options: ['tmpcopyup', 'ro', 'nodev', 'size=1m'] },
    { destination: '/tmp', type: 'tmpfs', options: ['noatime', 'nosymfollow', 'unbindable'] },
  ];
  const wanted = spec(
    'cat /proc/self/mountinfo /mnt/made/here/file; grep -c root /etc/passwd; touch /x || echo closed',
    {
      root: { readonly: true },
      linux: { cgroupsPath: '/ignored', rootfsPropagation: 'rslave' },
    },
  );
  wanted.mounts?.push(...mounts);
  const container = await Container.start(t, wanted, { kind: 'bind', source: rootfs });
  const text = await container.output();
  const mount = (path: string): string => {
    const line = text.split('\n').find((part) => part.split(' ')[4] === path);
    assert.ok(line !== undefined, `${path} in\n${text}`);
    return line;
  };
  assert.match(mount('/'), / ro[,\s]/);
  assert.match(mount('/mnt/made/here'), / ro,nosuid[,\s]/);
  assert.match(mount('/mnt/file'), / ro,noexec[,\s]/);
  assert.doesNotMatch(mount('/mnt/file'), /shared:|master:/);
  assert.match(mount('/etc'), / ro,nodev,relatime .*size=1024k/);
  assert.match(mount('/tmp'), / rw,noatime,nosymfollow unbindable /);
  for (const line of ['from the host', 'closed']) assert.ok(text.split('\n').includes(line), `${line} in\n${text}`);
  await container.forget();
});

test('a user with no new privileges, and execs beside it', async (t) => {
  const wanted = spec('exec sleep 100000', {
    process: { noNewPrivileges: true, user: { uid: 1000, gid: 1000, umask: 0o27, additionalGids: [10] } },
  });
  const root: RootSource = {
    kind: 'overlay-disk',
    lower: [rootfs],
    upper: join(base, 'upper'),
    work: join(base, 'work'),
    volatile: true,
  };
  const container = await Container.start(t, wanted, root);
  const status = await container.exec({ args: ['cat', '/proc/1/status'] });
  for (const line of ['Uid:\t1000\t1000\t1000\t1000', 'NoNewPrivs:\t1', 'Seccomp:\t2', 'Umask:\t0027']) {
    assert.ok(status.includes(`${line}\n`), `${line} in\n${status}`);
  }
  assert.match(status, /^Groups:\t10 *$/m);
  assert.match(status, /^CapEff:\t0+$/m);

  const inside = await container.exec({
    args: [
      'sh',
      '-c',
      'id -u; id -g; tty; pwd; cat /proc/self/cgroup; for n in pid mnt uts ipc net cgroup; do test $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) && echo same; done',
    ],
    cwd: '/tmp',
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    capabilities: { bounding: ['CAP_SYS_PTRACE'], permitted: ['CAP_SYS_PTRACE'], effective: ['CAP_SYS_PTRACE'] },
  });
  const lines = inside.split('\n').map((line) => line.trimEnd());
  for (const line of ['0', '/dev/pts/0', '/tmp']) assert.ok(lines.includes(line), `${line} in\n${inside}`);
  assert.equal(lines.filter((line) => line === 'same').length, 6, inside);
  for (const line of lines.filter((part) => /^[0-9]+:/.test(part))) assert.match(line, /:\/$/);
  await container.end();
});

test('a user namespace, and time of its own', async (t) => {
  const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const types = ['user', 'pid', 'ipc', 'uts', 'mount', 'cgroup', 'network', 'time'];
  const wanted = spec('echo > /dev/null; touch /mine; exec sleep 100000', {
    linux: {
      namespaces: types.map((type) => ({ type })),
      uidMappings: mapping,
      gidMappings: mapping,
      timeOffsets: { boottime: { secs: 1_000_000_000 } },
    },
  });
  const container = await Container.start(t, wanted, throwAway());
  const script =
    'cat /proc/self/uid_map; stat -c "%n %u:%g" /proc/1; cut -d. -f1 /proc/uptime; stat -c "%n %t:%T" /dev/null';
  const text = await container.exec({ args: ['sh', '-c', script] }, true);
  assert.match(text, /^ +0 +100000 +65536$/m);
  assert.match(text, /^\/proc\/1 0:0$/m);
  assert.match(text, /^1[0-9]{9}$/m);
  assert.match(text, /^\/dev\/null 1:3$/m);
  await container.end();
});
