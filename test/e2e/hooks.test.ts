/** Hooks of the OCI runtime specification: each at its moment, in its place; and nothing is left where one fails. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon, parentOf } from '../harness/daemon.ts';
import { until } from '../harness/until.ts';

interface Detail {
  id: string;
  status: string;
  pid?: number;
  cgroup: string;
  failure?: string;
  exit?: { unknown: boolean; code?: number };
}
interface Problem {
  code: string;
  detail: string;
}
interface Hook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}
type Hooks = Partial<Record<(typeof KINDS)[number], Hook[]>>;

const KINDS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const;
/** Before the program is there. */
const EARLY = KINDS.slice(0, 4);

let daemon: TestDaemon;
let folders = 0;

before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

const inspect = (id: string) => daemon.client.must<Detail>('GET', `/v1/containers/${id}`);
const start = (id: string) => daemon.client.send<Problem>('POST', `/v1/containers/${id}/start`);
const remove = (id: string) => daemon.client.must('DELETE', `/v1/containers/${id}?force=true`);

/** A folder that hooks write into; the container has it at /shared. */
async function makeShared(): Promise<string> {
  folders += 1;
  const shared = join(daemon.folder, `shared-${String(folders)}`);
  await mkdir(shared);
  return shared;
}

/** A container with these hooks whose program is `script`, of /bin/sh. */
function create(shared: string, hooks: Hooks, script: string, more: Record<string, unknown> = {}): Promise<string> {
  const { oci = {}, ...request } = more as { oci?: object };
  return daemon.create(['/bin/sh', '-c', script], {
    mounts: [{ type: 'bind', source: shared, target: '/shared' }],
    oci: { hooks, ...oci },
    ...request,
  });
}

/** A shell hook. `place`: the shared folder as the hook sees it. */
const shell = (script: string, more: Partial<Hook> = {}): Hook => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  env: ['PATH=/usr/bin:/bin'],
  ...more,
});
/** Of busybox the name says what it is to be. */
const nameOf = (kind: (typeof KINDS)[number]) => (kind === 'startContainer' ? 'ash' : `my ${kind}`);
const placeOf = (kind: (typeof KINDS)[number], shared: string) => (kind === 'startContainer' ? '/shared' : shared);

const read = (shared: string, name: string) => readFile(join(shared, name), 'utf8');
const lines = (shared: string, name: string): string[] =>
  existsSync(join(shared, name))
    ? readFileSync(join(shared, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${String(pid)}`);
}

/** Nothing of the container's last start is there any more. */
async function assertNothingLeft(id: string): Promise<void> {
  const { cgroup } = await inspect(id);
  await until('its control groups are gone', () => groupsOf(cgroup).length === 0);
  await until('its shim is gone', () => !existsSync(join(daemon.run, 'c', `${id}.sock`)));
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(daemon.folder));
}

function groupsOf(cgroup: string): string[] {
  const roots = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name))];
  return roots.map((root) => join(root, cgroup)).filter((path) => existsSync(path));
}

test('all six kinds: in their order, in their namespaces, with state, args and environment', async () => {
  const shared = await makeShared();
  const hooks: Hooks = {};
  for (const kind of KINDS) {
    const place = placeOf(kind, shared);
    // by /proc/self: to a createContainer hook the host's procfs is a stranger's
    const script = `cat > ${place}/state.${kind}
      for n in mnt pid net uts ipc; do readlink /proc/self/ns/$n; done > ${place}/ns.${kind}
      tr '\\0' '\\n' < /proc/self/environ > ${place}/env.${kind}
      echo "$0" > ${place}/name.${kind}
      [ -x ${daemon.rootfs}/bin/busybox ] && echo host > ${place}/tree.${kind}
      pwd -P > ${place}/pwd.${kind}
      ls /proc/self/fd > ${place}/fd.${kind}
      echo ${kind} >> ${place}/order`;
    hooks[kind] = [
      { path: '/bin/sh', args: [nameOf(kind), '-c', script], env: ['PATH=/usr/bin:/bin', `KIND=${kind}`] },
      shell(`echo ${kind} again >> ${place}/order`),
    ];
  }
  const script = `until grep -q 'poststart again' /shared/order; do sleep 0.02; done
    for n in mnt pid net uts ipc; do readlink /proc/self/ns/$n; done > /shared/ns.program; echo program >> /shared/order
    until [ -e /shared/go ]; do sleep 0.02; done`;
  const id = await create(shared, hooks, script, {
    hostname: 'hooked',
    workdir: '/tmp',
    oci: { annotations: { 'org.example.note': 'x' } },
  });
  assert.equal((await start(id)).status, 204);
  const pid = await daemon.hostPid(id);
  await until('the program is done', () => lines(shared, 'order').includes('program'));
  await writeFile(join(shared, 'go'), '');
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  await until('the last hook is over', () => lines(shared, 'order').includes('poststop again'));
  const expected = KINDS.flatMap((kind) => [kind, `${kind} again`, ...(kind === 'poststart' ? ['program'] : [])]);
  assert.deepEqual(lines(shared, 'order'), expected);

  const host = await Promise.all(['mnt', 'pid', 'net', 'uts', 'ipc'].map((name) => readlink(`/proc/self/ns/${name}`)));
  const program = lines(shared, 'ns.program');
  const statuses: Record<string, string> = {
    prestart: 'created',
    startContainer: 'created',
    poststart: 'running',
    poststop: 'stopped',
  };
  for (const kind of KINDS) {
    const inside = kind === 'createContainer' || kind === 'startContainer';
    assert.deepEqual(lines(shared, `ns.${kind}`), inside ? program : host, kind);
    // the createContainer hook's path is one of the host's, whose tree it sees
    assert.deepEqual(lines(shared, `tree.${kind}`), kind === 'startContainer' ? [] : ['host'], kind);
    assert.deepEqual(lines(shared, `name.${kind}`), [nameOf(kind)], kind);
    const environment = lines(shared, `env.${kind}`).filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line));
    assert.deepEqual(environment.sort(), [`KIND=${kind}`, 'PATH=/usr/bin:/bin'], kind);
    const state: unknown = JSON.parse(await read(shared, `state.${kind}`));
    assert.deepEqual(
      state,
      {
        ociVersion: '1.3.0',
        id,
        status: statuses[kind] ?? 'creating',
        ...(kind === 'poststop' ? {} : { pid }),
        bundle: join(daemon.root, 'containers', id),
        annotations: { 'org.example.note': 'x' },
      },
      kind,
    );
    const directory = kind === 'startContainer' ? '/tmp' : inside ? '/' : join(daemon.root, 'containers', id);
    assert.deepEqual(lines(shared, `pwd.${kind}`), [directory], kind);
    // the last is the folder that ls reads
    assert.deepEqual(lines(shared, `fd.${kind}`), ['0', '1', '2', '3'], kind);
  }
  const config = JSON.parse(readFileSync(join(daemon.root, 'containers', id, 'config.json'), 'utf8')) as {
    hooks: Hooks;
  };
  assert.deepEqual(Object.keys(config.hooks).sort(), [...KINDS].sort());
  await remove(id);
});

test('hooks at their moments see the container as it then is', async () => {
  const shared = await makeShared();
  const id = await create(
    shared,
    {
      // its mounts are there, its root is not yet entered: /proc/PID/root still is the host's
      createRuntime: [
        shell(`pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/')
          grep -c ' ${daemon.run}/mnt/shared ' /proc/$pid/mountinfo > ${shared}/mounted
          cat /proc/$pid/root/etc/hostname > ${shared}/hostname; cat /proc/$pid/cgroup > ${shared}/cgroup`),
      ],
      createContainer: [shell(`[ -d ${daemon.run}/mnt/shared ] && echo seen > ${shared}/seen`)],
      // who and what the program will be
      startContainer: [shell('id -u > /tmp/uid; grep CapEff /proc/self/status >> /tmp/uid; cat /tmp/uid > /tmp/uids')],
    },
    'cat /tmp/uids; grep CapEff /proc/self/status',
    { user: 'alice', capabilities: { drop: ['ALL'] } },
  );
  assert.equal((await start(id)).status, 204);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  assert.deepEqual(lines(shared, 'mounted'), ['1']);
  assert.equal(await read(shared, 'hostname'), readFileSync('/etc/hostname', 'utf8'));
  assert.match(await read(shared, 'cgroup'), new RegExp(id));
  assert.deepEqual(lines(shared, 'seen'), ['seen']);
  const none = 'CapEff:\t0000000000000000\n';
  assert.equal(await daemon.logText(id, 'stdout'), `1000\n${none}${none}`);
  await remove(id);
});

test('a bundle is the one that its hooks are told of', async () => {
  const shared = await makeShared();
  const bundle = join(shared, 'bundle');
  await mkdir(bundle);
  const spec = {
    ociVersion: '1.0.2',
    root: { path: daemon.rootfs },
    process: { cwd: '/', args: ['/bin/true'], user: { uid: 0, gid: 0 } },
    hooks: { createRuntime: [shell(`pwd -P > ${shared}/pwd; cat > ${shared}/state`)] },
    linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }] },
  };
  await writeFile(join(bundle, 'config.json'), JSON.stringify(spec));
  const { id } = await daemon.client.must<{ id: string }>('POST', '/v1/containers', { bundle });
  assert.equal((await start(id)).status, 204);
  assert.deepEqual(lines(shared, 'pwd'), [bundle]);
  assert.equal((JSON.parse(await read(shared, 'state')) as { bundle: string }).bundle, bundle);
  await remove(id);
});

for (const kind of EARLY) {
  test(`a ${kind} hook that fails: no start, nothing left, poststop hooks run`, async () => {
    const shared = await makeShared();
    const place = placeOf(kind, shared);
    const hooks: Hooks = {
      [kind]: [
        shell(`echo first >> ${place}/ran`),
        shell('echo something else >&2; echo cannot frob >&2; exit 3'),
        shell(`echo third >> ${place}/ran`),
      ],
      poststart: [shell(`echo poststart >> ${shared}/ran`)],
      poststop: [shell(`cat > ${shared}/state; echo poststop >> ${shared}/ran`)],
    };
    const id = await create(shared, hooks, 'echo program >> /shared/ran');
    for (const attempt of [1, 2]) {
      const { status, body } = await start(id);
      assert.equal(status, 422);
      assert.equal(body.code, 'hook_failed');
      assert.match(body.detail, new RegExp(`: ${kind} hook 1 \\(/bin/sh\\): exit code 3: cannot frob$`));
      assert.deepEqual(lines(shared, 'ran'), Array.from({ length: attempt }, () => ['first', 'poststop']).flat());
      const state = JSON.parse(await read(shared, 'state')) as { status: string; pid?: number };
      assert.deepEqual([state.status, state.pid], ['stopped', undefined]);
      const { status: now, failure, exit } = await inspect(id);
      assert.deepEqual([now, failure, exit], ['created', body.detail, undefined]);
      await assertNothingLeft(id);
    }
    await remove(id);
    assert.ok(!existsSync(join(daemon.root, 'containers', id)));
  });
}

test('a launch that fails after hooks have run is followed by the poststop hooks', async () => {
  const shared = await makeShared();
  const hooks: Hooks = {
    createRuntime: [shell(`echo createRuntime >> ${shared}/ran`)],
    poststop: [shell(`echo poststop >> ${shared}/ran`)],
  };
  const id = await daemon.create(['/nonexistent'], { oci: { hooks }, autoRemove: true });
  const { body } = await start(id);
  assert.equal(body.code, 'command_not_found');
  assert.deepEqual(lines(shared, 'ran'), ['createRuntime', 'poststop']);
  await until(
    'it has removed itself',
    async () => (await daemon.client.send('GET', `/v1/containers/${id}`)).status === 404,
  );
});

test('a hook that is missing, or may not be executed, is named', async () => {
  const shared = await makeShared();
  await writeFile(join(shared, 'plain'), '#!/bin/sh\n', { mode: 0o644 });
  for (const [kind, path, reason] of [
    ['prestart', '/nonexistent/hook', 'ENOENT'],
    ['createRuntime', join(shared, 'plain'), 'EACCES'],
    ['createContainer', '/nonexistent/hook', 'ENOENT'],
    ['startContainer', '/nonexistent/hook', 'ENOENT'],
    ['startContainer', '/shared/plain', 'EACCES'],
  ] as const) {
    const id = await create(shared, { [kind]: [{ path }] }, 'true');
    const { status, body } = await start(id);
    assert.deepEqual([status, body.code], [422, 'hook_failed']);
    assert.match(body.detail, new RegExp(`${kind} hook 0 \\(${path}\\): cannot be executed: ${reason}: `));
    await assertNothingLeft(id);
    await remove(id);
  }
});

for (const kind of ['createRuntime', 'createContainer', 'startContainer'] as const) {
  test(`a ${kind} hook that hangs is killed after its timeout, with its children`, async () => {
    const shared = await makeShared();
    const place = placeOf(kind, shared);
    const id = await create(
      shared,
      { [kind]: [shell(`sleep 1000 & echo begun > ${place}/begun; wait`, { timeout: 1 })] },
      'true',
    );
    const { body } = await start(id);
    assert.equal(body.code, 'hook_failed');
    assert.match(body.detail, new RegExp(`${kind} hook 0 \\(/bin/sh\\): killed after its timeout of 1 s$`));
    assert.deepEqual(lines(shared, 'begun'), ['begun']);
    await assertNothingLeft(id);
    await remove(id);
  });
}

test('a poststart hook that fails ends the container from version 1.3.0 on, and is a warning before', async () => {
  const shared = await makeShared();
  const hooks: Hooks = {
    poststart: [shell('echo no >&2; exit 1'), shell(`echo poststart >> ${shared}/ran`)],
    poststop: [shell(`echo poststop >> ${shared}/ran`)],
  };
  const id = await create(shared, hooks, 'sleep 1000');
  const { status, body } = await start(id);
  assert.deepEqual([status, body.code], [422, 'hook_failed']);
  assert.match(body.detail, /: poststart hook 0 \(\/bin\/sh\): exit code 1: no$/);
  const detail = await inspect(id);
  assert.deepEqual([detail.status, detail.exit?.code, detail.failure], ['stopped', 137, body.detail]);
  await until('the poststop hook has run', () => lines(shared, 'ran').length > 0);
  assert.deepEqual(lines(shared, 'ran'), ['poststop']);
  await assertNothingLeft(id);
  await remove(id);

  const older = await create(shared, hooks, 'sleep 1000', { oci: { ociVersion: '1.2.1' } });
  assert.equal((await start(older)).status, 204);
  assert.equal((await inspect(older)).status, 'running');
  assert.deepEqual(lines(shared, 'ran'), ['poststop', 'poststart']);
  await until('it is warned of', () =>
    daemon.output.includes('ignoring that a hook failed: poststart hook 0 (/bin/sh): exit code 1: no'),
  );
  await remove(older);
  assert.deepEqual(lines(shared, 'ran'), ['poststop', 'poststart', 'poststop']);
});

test('a poststop hook that fails is a warning, and the others are run', async () => {
  const shared = await makeShared();
  const hooks: Hooks = {
    poststop: [shell('echo stuck >&2; exit 9'), shell(`echo second >> ${shared}/ran`)],
  };
  const id = await create(shared, hooks, 'true');
  assert.equal((await start(id)).status, 204);
  await daemon.client.must('GET', `/v1/containers/${id}/wait`);
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  // not before these are over
  assert.deepEqual(lines(shared, 'ran'), ['second']);
  await until('it is warned of', () => daemon.output.includes('poststop hook 0 (/bin/sh): exit code 9: stuck'));
});

test('a container that is removed by force ends a hook that hangs', async () => {
  const shared = await makeShared();
  const hooks: Hooks = {
    createRuntime: [shell(`echo $$ > ${shared}/pid; sleep 1000`)],
    poststop: [shell(`echo poststop >> ${shared}/ran`)],
  };
  const id = await create(shared, hooks, 'true');
  const answer = start(id);
  const [pid] = await until('the hook runs', () => lines(shared, 'pid').length > 0 && lines(shared, 'pid'));
  await remove(id);
  const { body } = await answer;
  assert.equal(body.code, 'hook_failed');
  assert.ok(!isAlive(Number(pid)));
  assert.deepEqual(lines(shared, 'ran'), ['poststop']);
  assert.ok(!existsSync(join(daemon.root, 'containers', id)));
});

for (const kind of ['createRuntime', 'createContainer', 'startContainer'] as const) {
  test(`the daemon is killed while a ${kind} hook runs: the start is undone, poststop hooks run once`, async () => {
    const shared = await makeShared();
    const place = placeOf(kind, shared);
    const hooks: Hooks = {
      [kind]: [shell(`echo begun > ${place}/begun; sleep 1000; true`)],
      poststop: [shell(`echo poststop >> ${shared}/ran`)],
    };
    const id = await create(shared, hooks, 'true');
    const answer = start(id).catch(() => undefined);
    await until('the hook runs', () => lines(shared, 'begun').length > 0);
    const hook = await until('it is found', () => findHook(`${place}/begun`));
    await daemon.end('SIGKILL');
    await answer;
    await daemon.start();
    const detail = await until('it is settled', async () => {
      const found = await inspect(id);
      return found.failure !== undefined && found;
    });
    assert.deepEqual([detail.status, detail.failure], ['created', 'the daemon ended while the container was starting']);
    await until('the poststop hook has run', () => lines(shared, 'ran').length > 0);
    await until('the hook is gone', () => !isAlive(hook));
    await assertNothingLeft(id);
    await remove(id);
    assert.deepEqual(lines(shared, 'ran'), ['poststop']);
  });
}

test('the daemon is killed while poststop hooks run: each is run once, to its end', async () => {
  const shared = await makeShared();
  const hooks: Hooks = {
    poststop: [
      shell(
        `echo first >> ${shared}/ran; until [ -e ${shared}/go ]; do sleep 0.02; done; echo first done >> ${shared}/ran`,
      ),
      shell(`echo second >> ${shared}/ran`),
    ],
  };
  const id = await create(shared, hooks, 'true');
  assert.equal((await start(id)).status, 204);
  await until('the first hook runs', () => lines(shared, 'ran').length > 0);
  await daemon.end('SIGKILL');
  await daemon.start();
  await until('it is waited for', () => daemon.output.includes('a poststop hook of the former daemon is waited for'));
  await writeFile(join(shared, 'go'), '');
  await daemon.client.must('DELETE', `/v1/containers/${id}`);
  assert.deepEqual(lines(shared, 'ran'), ['first', 'first done', 'second']);
});

test('a run that ends while there is no daemon, or with its shim, has its poststop hooks once', async () => {
  const shared = await makeShared();
  const poststop = (name: string): Hooks => ({ poststop: [shell(`echo ${name} >> ${shared}/ran`)] });
  const ended = await create(shared, poststop('ended'), 'until [ -e /shared/go ]; do sleep 0.02; done');
  const lost = await create(shared, poststop('lost'), 'sleep 1000');
  for (const id of [ended, lost]) assert.equal((await start(id)).status, 204);
  const pid = await daemon.hostPid(ended);
  process.kill(await parentOf(await daemon.hostPid(lost)), 'SIGKILL');
  await until('the lost one is settled', () => lines(shared, 'ran').includes('lost'));
  await daemon.end('SIGKILL');
  await writeFile(join(shared, 'go'), '');
  await until('the program has ended', () => !isAlive(pid));
  await daemon.start();
  await until('its hook has run', () => lines(shared, 'ran').includes('ended'));
  await daemon.end('SIGTERM');
  await daemon.start();
  for (const id of [ended, lost]) await remove(id);
  assert.deepEqual(lines(shared, 'ran').sort(), ['ended', 'lost']);
});

test('id-mapped mounts: the owner of a file is another in the container, and the holders of the maps are gone', async () => {
  const shared = await makeShared();
  await writeFile(join(shared, 'file'), '');
  const mappings = [{ containerID: 0, hostID: 5000, size: 100 }];
  const mount = {
    destination: '/mapped',
    type: 'bind',
    source: shared,
    options: ['bind', 'idmap'],
    uidMappings: mappings,
    gidMappings: mappings,
  };
  const request = { oci: { mounts: [mount], hooks: { createRuntime: [shell('true')] } } };
  const id = await create(shared, {}, 'stat -c %u:%g /mapped/file; sleep 1000', request);
  const answer = await start(id);
  assert.equal(answer.status, 204, JSON.stringify(answer.body));
  await until('it has looked', async () => (await daemon.logText(id, 'stdout')) === '5000:5000\n');
  const shim = await parentOf(await daemon.hostPid(id));
  const children = readFileSync(`/proc/${String(shim)}/task/${String(shim)}/children`, 'utf8')
    .trim()
    .split(' ');
  assert.equal(children.length, 1);
  await remove(id);
});

/** The shell that has `text` on its command line. */
function findHook(text: string): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [program = '', option, script = ''] = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (program === 'sh' && option === '-c' && script.includes(text)) return Number(name);
    } catch {
      // it has just ended
    }
  }
  return undefined;
}
