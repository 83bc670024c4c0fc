import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { runClient, startClient } from './run-client.ts';
import { ScriptedDaemon, problem } from './scripted-daemon.ts';

const AT = '2026-01-01T00:00:00.000000000Z';
const BACK = {
  id: 'b'.repeat(64),
  name: 'back',
  driver: 'bridge',
  bridge: 'tare-12ab-1',
  internal: false,
  interContainer: true,
  mtu: 1500,
  subnets: [
    { subnet: '172.16.16.0/20', gateway: '172.16.16.1' },
    { subnet: 'fd00:1::/64', gateway: 'fd00:1::1' },
  ],
  labels: { k: 'v' },
  createdAt: AT,
};

describe('tare network', { timeout: 300_000 }, () => {
  let daemon: ScriptedDaemon;
  const tare = (...words: string[]) => runClient(daemon.socket, ...words);
  const answerWith = (body: unknown, status = 200) => {
    daemon.answer = () => ({ status, body });
  };
  const call = (): string => `${daemon.calls[0]?.method ?? ''} ${daemon.calls[0]?.url ?? ''}`;

  before(async () => {
    daemon = await ScriptedDaemon.listen();
  });
  after(() => daemon.close());
  beforeEach(() => {
    daemon.calls.length = 0;
    daemon.answer = () => undefined;
  });

  it('create sends what its flags say, prints the id and tells warnings', async () => {
    answerWith({ id: BACK.id, name: 'back', warnings: ['it is narrow'] }, 201);
    const words =
      'network create --subnet 10.1.0.0/16 --gateway 10.1.0.1 --ip-range 10.1.5.0/24 --subnet fd00:1::/64 --internal ' +
      '--ipv6=true --no-inter-container --mtu 1400 --bridge br7 --label a=b -o com.docker.network.driver.mtu=1300 back';
    const ended = await tare(...words.split(' '));
    assert.deepEqual(ended, { code: 0, signal: null, stdout: `${BACK.id}\n`, stderr: 'tare: warning: it is narrow\n' });
    assert.equal(call(), 'POST /v1/networks');
    assert.deepEqual(daemon.calls[0]?.body, {
      name: 'back',
      subnets: [{ subnet: '10.1.0.0/16', gateway: '10.1.0.1', range: '10.1.5.0/24' }, { subnet: 'fd00:1::/64' }],
      ipv6: true,
      internal: true,
      interContainer: false,
      mtu: 1400,
      bridge: 'br7',
      labels: { a: 'b' },
    });
  });

  it('names the flag of a refused field', async () => {
    const cases = [
      ['subnets[0].gateway', ['create', '--subnet', '10.1.0.0/16', '--gateway', '10.2.0.1', 'back'], '--gateway'],
      ['subnets[1].range', ['create', 'back'], '--ip-range'],
      ['ipv4', ['connect', '--ip', '10.2.0.1', 'back', 'web'], '--ip'],
      ['aliases[0]', ['connect', '--alias', '.', 'back', 'web'], '--alias'],
    ] as const;
    for (const [field, words, flag] of cases) {
      answerWith(problem('invalid_field', `${field}: no`, 400, { field }), 400);
      const ended = await tare('network', ...words);
      assert.equal(ended.code, 1);
      assert.equal(ended.stderr, `tare: ${field}: no\nhint: it was given with ${flag}\n`);
    }
  });

  it('ls shows a table, ids, a template and json, also as list', async () => {
    answerWith([BACK]);
    const { stdout } = await tare('network', 'ls', '-f', 'name=ba', '-f', 'label=a', '-f', 'label=b');
    assert.equal(
      stdout,
      'NETWORK ID     NAME         DRIVER       SUBNETS\nbbbbbbbbbbbb   back         bridge       172.16.16.0/20, fd00:1::/64\n',
    );
    assert.equal(call(), 'GET /v1/networks?name=ba&label=a&label=b');
    assert.equal((await tare('network', 'list', '-q', '--no-trunc')).stdout, `${BACK.id}\n`);
    assert.equal(
      (await tare('network', 'ls', '--format', '{{.Name}} {{.Bridge}} {{.MTU}} {{.Internal}} {{.Labels}}')).stdout,
      'back tare-12ab-1 1500 false k=v\n',
    );
    assert.equal(
      (JSON.parse((await tare('network', 'ls', '--format', 'json')).stdout) as { Name: string }).Name,
      'back',
    );
  });

  it('inspect prints an array or a template, and goes on after one that is missing', async () => {
    daemon.answer = ({ url }) =>
      url.endsWith('/gone')
        ? { status: 404, body: problem('network_not_found', 'no network "gone"', 404) }
        : { status: 200, body: BACK };
    const ended = await tare('network', 'inspect', 'gone', 'back');
    assert.equal(ended.code, 1);
    assert.equal(ended.stderr, 'tare: no network "gone"\n');
    assert.deepEqual(JSON.parse(ended.stdout), [BACK]);
    assert.equal(
      (await tare('network', 'inspect', '-f', '{{range .subnets}}{{.gateway}} {{end}}', 'back')).stdout,
      '172.16.16.1 fd00:1::1 \n',
    );
  });

  it('rm removes each, and with --force does not mind what is gone', async () => {
    daemon.answer = ({ url }) =>
      url.endsWith('/gone')
        ? { status: 404, body: problem('network_not_found', 'no network "gone"', 404) }
        : { status: 204 };
    const ended = await tare('network', 'rm', 'gone', 'back');
    assert.deepEqual(ended, { code: 1, signal: null, stdout: 'back\n', stderr: 'tare: no network "gone"\n' });
    assert.equal(call(), 'DELETE /v1/networks/gone');
    assert.equal((await tare('network', 'remove', '-f', 'gone')).code, 0);
  });

  it('prune asks first', async () => {
    answerWith({ removed: ['back', 'front'] });
    assert.deepEqual(await tare('network', 'prune', '-f'), {
      code: 0,
      signal: null,
      stdout: 'Deleted Networks:\nback\nfront\n',
      stderr: '',
    });
    assert.equal(call(), 'POST /v1/networks/prune');
    for (const [answer, code, calls] of [
      ['y\n', 0, 2],
      ['n\n', 1, 2],
      ['', 1, 2],
    ] as const) {
      const client = startClient(daemon.socket, ['network', 'prune']);
      client.child.stdin.end(answer);
      const ended = await client.ended;
      assert.equal(ended.code, code, answer);
      assert.match(ended.stderr, /Go on\? \[y\/N\] /);
      assert.equal(daemon.calls.length, calls, answer);
    }
  });

  it('connect and disconnect name the container in the body', async () => {
    const words = 'network connect --ip 10.1.0.9 --ip6 fd00:1::9 --mac-address 02:42:0a:01:00:09 --alias a --alias b';
    assert.equal((await tare(...words.split(' '), '--interface', 'eth9', 'back', 'web')).code, 0);
    assert.equal(call(), 'POST /v1/networks/back/connect');
    assert.deepEqual(daemon.calls[0]?.body, {
      container: 'web',
      ipv4: '10.1.0.9',
      ipv6: 'fd00:1::9',
      mac: '02:42:0a:01:00:09',
      interface: 'eth9',
      aliases: ['a', 'b'],
    });
    daemon.calls.length = 0;
    assert.equal((await tare('network', 'disconnect', 'back', 'web')).code, 0);
    assert.equal(call(), 'POST /v1/networks/back/disconnect');
    assert.deepEqual(daemon.calls[0].body, { container: 'web' });
  });

  it('update replaces or clears what is published', async () => {
    assert.equal((await tare('update', '-p', '80:80', '-p', '53/udp', 'web')).code, 0);
    assert.deepEqual(daemon.calls[0]?.body, {
      publish: [
        { hostPort: 80, containerPort: 80 },
        { containerPort: 53, protocol: 'udp' },
      ],
    });
    daemon.calls.length = 0;
    assert.equal((await tare('update', '--no-publish', '-m', '1g', 'web')).code, 0);
    assert.deepEqual(daemon.calls[0].body, { limits: { memory: '1g' }, publish: [] });
    answerWith(problem('port_taken', 'port 80 is taken', 409, { field: 'publish[0].hostPort' }), 409);
    assert.equal(
      (await tare('update', '-p', '80:80', 'web')).stderr,
      'tare: port 80 is taken\nhint: it was given with --publish\n',
    );
  });

  it('port lists what is published', async () => {
    const tcp = { containerPort: 80, hostPort: 8080, count: 1, protocol: 'tcp' };
    const udp = { containerPort: 53, hostPort: 5353, count: 2, hostAddress: '10.0.0.1', protocol: 'udp' };
    answerWith({ id: 'c1', name: 'web', status: 'running', ports: [tcp, udp] });
    assert.equal(
      (await tare('port', 'web')).stdout,
      '53/udp -> 10.0.0.1:5353\n54/udp -> 10.0.0.1:5354\n80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n',
    );
    assert.equal((await tare('port', 'web', '80')).stdout, '0.0.0.0:8080\n[::]:8080\n');
    assert.equal((await tare('port', 'web', '54/udp')).stdout, '10.0.0.1:5354\n');
    const none = await tare('port', 'web', '54');
    assert.deepEqual([none.code, none.stderr], [1, 'tare: container web does not publish port 54/tcp\n']);
  });

  it('info tells what was changed on the host', async () => {
    answerWith({
      version: {},
      memory: 1024,
      containers: {},
      cgroup: { controllers: {} },
      features: {},
      network: {
        table: 'tare-0123abcd',
        changed: [{ key: 'net.ipv4.ip_forward', before: '0', now: '1' }],
        warnings: ['it rains'],
      },
    });
    assert.match(
      (await tare('info')).stdout,
      /^Network Table: tare-0123abcd\nNetwork Settings Changed:\n {2}net.ipv4.ip_forward: 0 to 1\nNetwork Warnings:\n {2}it rains\nFeatures:$/m,
    );
  });

  it('events tells those of networks', async () => {
    const shared = { sequence: 1, at: AT, labels: {} };
    const lines = [
      { ...shared, action: 'network_create', network: 'n1', name: 'back' },
      { ...shared, action: 'connect', container: 'c1', network: 'n1', name: 'web', detail: 'back' },
    ];
    daemon.answer = () => ({ status: 200, body: { ndjson: lines } });
    assert.equal(
      (await tare('events', '-f', 'network=back')).stdout,
      `${AT} network create n1 (name=back)\n${AT} container connect c1 (network=back, name=web)\n`,
    );
    assert.match(daemon.calls[0]?.url ?? '', /[?&]network=back/);
  });

  it('is helped with', async () => {
    for (const words of [['network'], ['network', '--help'], ['help', 'network']]) {
      const { code, stdout } = await tare(...words);
      assert.equal(code, 0);
      assert.match(stdout, /^Usage: {2}tare network COMMAND\n\nManage networks\n\nCommands:\n {2}create /);
    }
    for (const words of [
      ['network', 'create', '--help'],
      ['help', 'network', 'create'],
      ['network', '--help', 'create'],
    ]) {
      assert.match((await tare(...words)).stdout, /^Usage: {2}tare network (create|COMMAND)/);
    }
    assert.match((await tare('help', 'network', 'list')).stdout, /^Usage: {2}tare network ls /);
  });

  it('says what is wrong with the command line', async () => {
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [['network', 'creat'], /"network creat" is not a command\nhint: did you mean "tare network create"[?]/],
      [['network', 'zzzzzz'], /"network zzzzzz" is not a command\nhint: tare network --help lists the commands/],
      [['network', '--what'], /unknown flag: --what/],
      [['network', 'create'], /"tare network create" takes 1 argument/],
      [['network', 'connect', 'back'], /"tare network connect" takes 2 arguments/],
      [['network', 'create', '-d', 'overlay', 'x'], /--driver "overlay" is not supported/],
      [['network', 'create', '--attachable', 'x'], /--attachable is not supported: there are no swarms/],
      [['network', 'create', '--gateway', '10.0.0.1', 'x'], /--gateway "10.0.0.1" needs an IPv4 --subnet/],
      [['network', 'ls', '-f', 'driver=bridge'], /--filter "driver" is not supported/],
      [['network', 'rm', '..'], /".." names no network/],
      [['update', 'web'], /needs at least one limit, --publish, --no-publish or --restart/],
      [['update', '-p', '', 'web'], /--publish "" is not/],
      [['update', '-p', '80', '--no-publish', 'web'], /exclude each other/],
      [['port', 'web', 'http'], /"http" is not PORT/],
    ];
    for (const [words, message] of wrong) {
      const ended = await tare(...words);
      assert.equal(ended.code, 1, words.join(' '));
      assert.match(ended.stderr, message);
      assert.equal(ended.stdout, '');
    }
    assert.equal(daemon.calls.length, 0);
  });
});
