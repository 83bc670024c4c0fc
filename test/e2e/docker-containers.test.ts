/** The Docker Engine API's containers: made, shown, changed and ended over raw HTTP, and by Debian's docker CLI. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { Answer } from '../harness/client.ts';
import { run, type Finished } from '../harness/daemon.ts';
import { haveImage, makeImage } from '../harness/images.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { NetworkRoom } from '../harness/network.ts';
import { until } from '../harness/until.ts';

const IMAGE = 'demo';
const NEVER = '0001-01-01T00:00:00Z';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
  const config = {
    ...{
      Cmd: ['sleep', '1000000'],
      Env: ['OF=image', 'GONE=1'],
      ExposedPorts: { '80/tcp': {} },
      Labels: { of: 'image' },
    },
    ...{ Volumes: { '/of-image': {} }, WorkingDir: '/made/by/nobody', StopSignal: 'SIGKILL' },
  };
  await haveImage(room.daemon, `docker.io/library/${IMAGE}:latest`, makeImage({ layers: [busyboxLayer()], config }));
});
after(() => room.close());

interface Message {
  readonly message: string;
}

function ask<T = Message>(method: string, path: string, body?: unknown, version = 'v1.51'): Promise<Answer<T>> {
  return room.daemon.client.send<T>(method, `/${version}/containers${path}`, body);
}

async function must<T = undefined>(method: string, path: string, body?: unknown, version?: string): Promise<T> {
  const { status, body: answer } = await ask<T>(method, path, body, version);
  assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  return answer;
}

async function create(name: string, body: Record<string, unknown> = {}): Promise<string> {
  return (await must<{ Id: string }>('POST', `/create?name=${name}`, { Image: IMAGE, ...body })).Id;
}

async function started(name: string, body: Record<string, unknown> = {}): Promise<string> {
  const id = await create(name, body);
  await must('POST', `/${name}/start`);
  return id;
}

/** Removed with what is its alone; nobody minds if it has gone already. */
async function remove(...names: string[]): Promise<void> {
  for (const name of names) await ask('DELETE', `/${name}?force=1&v=1`);
}

interface Inspected {
  readonly Id: string;
  readonly State: Readonly<Record<string, unknown>>;
  readonly Config: Readonly<Record<string, unknown>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly LogPath: string;
  readonly Mounts: readonly Readonly<Record<string, unknown>>[];
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>;
    readonly Networks: Readonly<Record<string, { IPAddress: string; Aliases: readonly string[] | null }>>;
  };
}

const inspect = (ref: string): Promise<Inspected> => must<Inspected>('GET', `/${ref}/json`);

function docker(...args: readonly string[]): Promise<Finished> {
  return run('/usr/bin/docker', args, { env: { DOCKER_HOST: `unix://${room.daemon.socket}` } });
}

test('what was asked for comes back, with the image’s part and all defaults', async () => {
  const body = {
    ...{ Env: ['OWN=1', 'GONE'], Labels: { own: 'label' }, Cmd: ['sleep', '1000000'], StopTimeout: 7 },
    HostConfig: {
      ...{ Memory: 64 << 20, NanoCpus: 500_000_000, RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
      ...{ Binds: [`${room.daemon.folder}/made:/bound:ro`, 'named:/volume'], Tmpfs: { '/scratch': 'size=1m' } },
    },
  };
  await create('whole', body);
  const made = await inspect('whole');
  assert.deepEqual([made.State.Status, made.State.StartedAt, made.LogPath], ['created', NEVER, '']);
  assert.deepEqual(made.Config.Env, ['OWN=1', 'GONE', 'OF=image']);
  assert.deepEqual(made.Config.Labels, { of: 'image', own: 'label' });
  assert.equal(made.Config.WorkingDir, '/made/by/nobody');
  const { Memory, MemorySwap, NanoCpus, RestartPolicy, ShmSize, NetworkMode, LogConfig } = made.HostConfig;
  assert.deepEqual(
    { Memory, MemorySwap: Number(MemorySwap) > 0 ? MemorySwap : 2 * (64 << 20), NanoCpus, ShmSize, NetworkMode },
    { Memory: 64 << 20, MemorySwap: 2 * (64 << 20), NanoCpus: 500_000_000, ShmSize: 64 << 20, NetworkMode: 'default' },
  );
  assert.deepEqual(RestartPolicy, { Name: 'on-failure', MaximumRetryCount: 2 });
  assert.deepEqual(LogConfig, { Type: 'json-file', Config: {} });
  await must('POST', '/whole/start');
  const runs = await inspect('whole');
  assert.ok(existsSync(join(room.daemon.folder, 'made')), 'a bind has its directory made');
  assert.match(runs.LogPath, /-json\.log$/);
  const mounts = runs.Mounts.map(({ Type, Destination, RW }) => [Type, Destination, RW]);
  assert.deepEqual(mounts, [
    ['bind', '/bound', false],
    ['volume', '/volume', true],
    ['volume', '/of-image', true],
  ]);
  const seen = await docker('exec', 'whole', 'sh', '-c', 'pwd; echo $OWN$OF$GONE; stat -f -c %b%s /scratch');
  assert.deepEqual(seen.stdout.split('\n'), ['/made/by/nobody', '1image', '2564096', '']);
  await remove('whole');
});

test('names, images and networks that are not there', async () => {
  const id = await create('taken');
  const refused = async (path: string, body: Record<string, unknown>): Promise<[number, string]> => {
    const { status, body: answer } = await ask('POST', `/create${path}`, body);
    return [status, answer.message];
  };
  const inUse = `The container name "/taken" is already in use by container "${id}"`;
  assert.deepEqual(await refused('?name=taken', { Image: IMAGE }), [
    409,
    `Conflict. ${inUse}. You have to remove (or rename) that container to be able to reuse that name.`,
  ]);
  assert.deepEqual(await refused('', { Image: 'absent' }), [404, 'No such image: absent:latest']);
  assert.deepEqual(await refused('', { Image: 'Upper' }), [
    400,
    'invalid reference format: repository name must be lowercase',
  ]);
  assert.deepEqual(await refused('', {}), [400, 'Config cannot be empty in order to create a container']);
  // 404 would have the CLI pull the image
  const HostConfig = { NetworkMode: 'absent' };
  assert.deepEqual(await refused('', { Image: IMAGE, HostConfig }), [400, 'network absent not found']);
  assert.deepEqual(await refused('', { Image: IMAGE, HostConfig: { CapAdd: ['foo'] } }), [
    400,
    'invalid CapAdd: unknown capability: "CAP_FOO"',
  ]);
  assert.deepEqual(await refused('', { Image: IMAGE, User: 'nobody-here' }), [
    400,
    'unable to find user nobody-here: no matching entries in passwd file',
  ]);
  await remove('taken');
});

test('a start that fails says why in the words that the CLI knows, and 127 and 126 are its exit codes', async () => {
  const start = async (Cmd: string[]): Promise<[number, string, unknown]> => {
    const id = await create('fails', { Cmd });
    const { status, body } = await ask('POST', '/fails/start');
    const { State } = await inspect(id);
    await remove('fails');
    return [status, body.message.split(': ').slice(-4, -1).join(': '), State.ExitCode];
  };
  assert.deepEqual(await start(['nothing']), [...[400, 'exec: "nothing": executable file not found in $PATH', 127]]);
  assert.deepEqual(await start(['/etc/passwd']), [400, 'exec: "/etc/passwd": permission denied', 126]);
  const missing = await docker('run', '--rm', IMAGE, 'nothing');
  assert.equal(missing.code, 127, missing.stderr);
  assert.match(missing.stderr, /exec: "nothing": executable file not found in \$PATH/);
  assert.equal((await docker('run', '--rm', IMAGE, '/etc/passwd')).code, 126);
});

test('stop, kill, pause and the rest: what is so already is no error, what cannot be is a conflict', async () => {
  const id = await started('verbs');
  const told = async (method: string, path: string): Promise<string> => {
    const { status, body } = await ask<Message | ''>(method, path);
    return `${status} ${typeof body === 'string' ? body : body.message.replaceAll(id, 'ID')}`.trim();
  };
  assert.equal(await told('POST', '/verbs/start'), '304');
  assert.equal(await told('POST', '/verbs/pause'), '204');
  assert.equal(await told('POST', '/verbs/pause'), '409 Container ID is already paused');
  assert.equal(await told('POST', '/verbs/start'), '409 cannot start a paused container, try unpause instead');
  assert.match(await told('DELETE', '/verbs'), /^409 You cannot remove a paused container ID\./);
  assert.equal(await told('POST', '/verbs/unpause'), '204');
  assert.equal(await told('POST', '/verbs/unpause'), '500 Container ID is not paused');
  assert.equal(await told('POST', '/verbs/kill?signal=FOO'), '400 Invalid signal: FOO');
  assert.match(await told('DELETE', '/verbs'), /^409 You cannot remove a running container ID\./);
  assert.equal(await told('POST', '/verbs/restart?t=0'), '204');
  assert.equal(await told('POST', '/verbs/stop?t=0'), '204');
  assert.equal(await told('POST', '/verbs/stop'), '304');
  assert.equal((await inspect('verbs')).State.ExitCode, 137);
  assert.equal(await told('POST', '/verbs/kill'), '409 Cannot kill container: verbs: Container ID is not running');
  assert.equal(
    await told('POST', '/verbs/rename?name=verbs'),
    '400 Renaming a container with the same name as its current name',
  );
  assert.equal(await told('POST', '/verbs/rename?name=others'), '204');
  assert.equal(await told('DELETE', '/verbs'), '404 No such container: verbs');
  assert.equal(await told('DELETE', '/others?v=1'), '204');
});

test('update: limits and policy, at once and to be seen', async () => {
  const id = await started('changes', { HostConfig: { Memory: 64 << 20, MemorySwap: 64 << 20 } });
  const update = (body: unknown): Promise<Answer<Message>> => ask('POST', '/changes/update', body);
  assert.deepEqual((await update({})).body, { Warnings: null });
  assert.equal((await update({ Memory: 1 })).body.message, 'Minimum memory limit allowed is 6MB');
  const less = await update({ Memory: 128 << 20 });
  assert.equal(less.status, 409);
  assert.match(less.body.message, new RegExp(`^Cannot update container ${id}: Memory limit should be smaller`));
  assert.equal((await update({ PidsLimit: 77, RestartPolicy: { Name: 'always' } })).status, 200);
  const { HostConfig } = await inspect('changes');
  assert.deepEqual([HostConfig.PidsLimit, HostConfig.RestartPolicy], [77, { Name: 'always', MaximumRetryCount: 0 }]);
  await remove('changes');
});

test('wait answers its headers at once, and its body at the end, or at the removal', async () => {
  await create('ends', { Cmd: ['sh', '-c', 'exit 3'] });
  const waiting = await room.daemon.client.open('POST', '/v1.51/containers/ends/wait?condition=next-exit');
  assert.equal(waiting.statusCode, 200);
  await must('POST', '/ends/start');
  assert.deepEqual(JSON.parse(await text(waiting)), { StatusCode: 3 });
  assert.deepEqual(await must<object>('POST', '/ends/wait'), { StatusCode: 3 });
  assert.deepEqual((await ask('POST', '/ends/wait?condition=foo')).status, 400);
  const removed = await room.daemon.client.open('POST', '/v1.51/containers/ends/wait?condition=removed');
  await must('DELETE', '/ends?v=1');
  assert.deepEqual(JSON.parse(await text(removed)), { StatusCode: 3 });
  assert.deepEqual((await ask('POST', '/ends/wait')).body, { message: 'No such container: ends' });
});

interface Listed {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly Command: string;
  readonly State: string;
  readonly Status: string;
  readonly Ports: readonly { PrivatePort: number; PublicPort?: number }[];
}

test('lists: states, filters in both encodings, sizes', async () => {
  await started('up', { Labels: { group: 'a' }, Cmd: ['sh', '-c', 'exec sleep 1000000'] });
  await started('over', { Labels: { group: 'b' }, Cmd: ['sh', '-c', 'exit 5'] });
  await create('new', { Labels: { group: 'b' } });
  await until('it has ended', async () => (await inspect('over')).State.Status === 'exited');
  const list = (query: string): Promise<Listed[]> => must<Listed[]>('GET', `/json?${query}`);
  const names = async (filters: unknown, more = ''): Promise<string> => {
    const found = await list(`all=1${more}&filters=${encodeURIComponent(JSON.stringify(filters))}`);
    return found.map(({ Names: [name] }) => name).join(' ');
  };
  const [up] = await list('');
  assert.deepEqual(
    [up?.Names, up?.Image, up?.Command, up?.State],
    [['/up'], IMAGE, "sh -c 'exec sleep 1000000'", 'running'],
  );
  assert.match(up?.Status ?? '', /^Up /);
  assert.deepEqual(up?.Ports, [{ PrivatePort: 80, Type: 'tcp' }]);
  assert.match((await list('all=1'))[1]?.Status ?? '', /^Exited \(5\) .* ago$/);
  assert.equal(await names({}), '/new /over /up');
  assert.equal(await names({}, '&limit=2'), '/new /over');
  assert.equal(await names({ label: ['group=b'] }), '/new /over');
  assert.equal(await names({ label: { 'group=b': true }, status: { created: true } }), '/new');
  assert.equal(await names({ status: ['exited', 'running'] }), '/over /up');
  assert.equal(await names({ exited: ['5'] }), '/over');
  assert.equal(await names({ name: ['^/?(new|up)$'] }), '', 'not a pattern that is taken apart');
  assert.equal(await names({ name: ['^(new|up)$'] }), '/new /up');
  assert.equal(await names({ ancestor: [IMAGE], before: ['new'], since: ['up'] }), '/over');
  assert.equal(await names({ network: ['bridge'], expose: ['70-90/tcp'] }), '/up');
  assert.equal(await names({ health: ['none'], volume: ['/of-image'], 'is-task': ['false'] }), '/new /over /up');
  for (const filters of ['{x', '[]', '{"foo":["x"]}', '{"status":["x"]}', '{"exited":["x"]}', '{"before":["x"]}']) {
    assert.equal((await ask('GET', `/json?filters=${encodeURIComponent(filters)}`)).status, 400, filters);
  }
  const [sized] = await must<{ SizeRootFs: number }[]>('GET', '/json?size=1&limit=1');
  assert.ok((sized?.SizeRootFs ?? 0) > 100_000);
  const pruned = await must<{ ContainersDeleted: string[] | null }>(
    'POST',
    `/prune?filters=${encodeURIComponent('{"label":["group=b"],"label!":["absent"]}')}`,
  );
  assert.equal(pruned.ContainersDeleted?.length, 2);
  await remove('up');
});

test('ports: all that are exposed, one of a range, and one that is taken', async () => {
  await started('all', { ExposedPorts: { '81/udp': {} }, HostConfig: { PublishAllPorts: true } });
  const { Ports } = (await inspect('all')).NetworkSettings;
  assert.deepEqual(Object.keys(Ports).sort(), ['80/tcp', '81/udp']);
  assert.ok(Object.values(Ports).every((bindings) => Number(bindings?.[0]?.HostPort) >= 32_768));
  const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: '8080-8081' }] } };
  for (const [name, port] of [
    ['one', '8080'],
    ['two', '8081'],
  ] as const) {
    await started(name, { HostConfig });
    assert.equal((await inspect(name)).NetworkSettings.Ports['80/tcp']?.[0]?.HostPort, port);
  }
  await create('three', { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } });
  const { status, body } = await ask('POST', '/three/start');
  assert.equal(status, 500);
  assert.match(body.message, /^driver failed programming external connectivity .*: port is already allocated$/);
  await remove('all', 'one', 'two', 'three');
});

test('links: a name for another, of this container alone, as long as the other runs', async () => {
  await room.network('linked');
  const HostConfig = { NetworkMode: 'linked' };
  const server = await started('server', { HostConfig });
  await started('client', { HostConfig: { ...HostConfig, Links: ['server:database'] } });
  const address = (await inspect('server')).NetworkSettings.Networks.linked?.IPAddress ?? '';
  const lines = async (): Promise<string> => (await docker('exec', 'client', 'grep', 'database', '/etc/hosts')).stdout;
  assert.match(await lines(), new RegExp(`^${address.replaceAll('.', '\\.')}\tdatabase$`, 'm'));
  await must('POST', '/server/stop?t=0');
  await until('the name has gone', async () => (await lines()) === '');
  await must('POST', `/${server}/start`);
  assert.match(await lines(), /\tdatabase$/m);
  await remove('client', 'server');
});

test('older clients see what is their version’s', async () => {
  await room.network('versions');
  await started('versions', { HostConfig: { NetworkMode: 'versions' } });
  const aliases = async (version: string): Promise<readonly string[] | null | undefined> => {
    const { NetworkSettings } = await must<Inspected>('GET', '/versions/json', undefined, version);
    return NetworkSettings.Networks.versions?.Aliases;
  };
  assert.equal(await aliases('v1.51'), null);
  assert.deepEqual(await aliases('v1.41'), [(await inspect('versions')).Id.slice(0, 12)]);
  await remove('versions');
});

test('a container of the native API is shown too', async () => {
  const id = await room.daemon.create(['sleep', '1000000'], { name: 'native', labels: { a: 'b' }, env: ['A=1'] });
  const { Config, HostConfig, State } = await inspect('native');
  assert.deepEqual(Config.Cmd, ['sleep', '1000000']);
  assert.deepEqual([Config.Labels, HostConfig.NetworkMode, State.Status], [{ a: 'b' }, 'bridge', 'created']);
  const listed = await must<Listed[]>('GET', '/json?all=1');
  assert.ok(listed.some(({ Id }) => Id === id));
  await remove('native');
});
