import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { runClient, startClient } from './run-client.ts';
import { ScriptedDaemon, problem, type Answer, type Call } from './scripted-daemon.ts';

const AT = '2026-01-01T00:00:00.000000000Z';
const WEB = {
  id: 'a'.repeat(64),
  name: 'web',
  status: 'running',
  rootfs: '/srv/rootfs',
  command: ['sleep', '1'],
  labels: { k: 'v' },
  createdAt: AT,
  startedAt: AT,
  pid: 7,
  networks: ['bridge', 'back'],
  ports: [{ containerPort: 80, hostPort: 8080, count: 1, protocol: 'tcp' }],
};

describe('commands', { timeout: 300_000 }, () => {
  let daemon: ScriptedDaemon;
  const tare = (...words: string[]) => runClient(daemon.socket, ...words);
  const answerWith = (body: unknown) => {
    daemon.answer = (): Answer => ({ status: 200, body });
  };

  before(async () => {
    daemon = await ScriptedDaemon.listen();
  });
  after(() => daemon.close());
  beforeEach(() => {
    daemon.calls.length = 0;
    daemon.frames.length = 0;
    daemon.answer = () => undefined;
  });

  it('ps shows a table, ids, a template and json', async () => {
    answerWith([WEB]);
    const { stdout } = await tare('ps');
    const [head = '', row = ''] = stdout.split('\n');
    assert.match(head, /^CONTAINER ID {3}IMAGE {9}COMMAND {6}CREATED .*STATUS .*PORTS {5,}NAMES$/);
    assert.match(
      row,
      /^a{12} {3}\/srv\/rootfs {3}"sleep 1" .*ago .*Up .* 0.0.0.0:8080->80\/tcp, \[::\]:8080->80\/tcp {3}web$/,
    );
    assert.equal((await tare('ps', '-q', '--no-trunc')).stdout, `${WEB.id}\n`);
    assert.equal(
      (await tare('ps', '--format', '{{.ID}} {{.Names}} {{.Labels}} {{.Networks}}')).stdout,
      `${'a'.repeat(12)} web k=v bridge,back\n`,
    );
    assert.equal((JSON.parse((await tare('ps', '--format', 'json')).stdout) as { Names: string }).Names, 'web');
  });

  it('ps shows no ports of what does not run', async () => {
    answerWith([{ ...WEB, status: 'stopped', exit: { unknown: true, oomKilled: false, at: AT } }]);
    assert.equal((await tare('ps', '-a', '--format', '{{.Ports}}|{{.Networks}}')).stdout, '|bridge,back\n');
  });

  it('ps asks for what the filters say', async () => {
    answerWith([]);
    await tare('ps', '-f', 'status=exited', '-f', 'label=a=b', '--filter=name=we', '-n', '3');
    const query = new URLSearchParams(daemon.calls[0]?.url.split('?')[1]);
    assert.deepEqual(Object.fromEntries(query), {
      limit: '3',
      status: 'stopped',
      label: 'a=b',
      name: 'we',
      all: 'true',
    });
    assert.match((await tare('ps', '-f', 'volume=x')).stderr, /--filter "volume" is not supported/);
  });

  it('act on each container and go on after a failure', async () => {
    daemon.answer = ({ url }) =>
      url.includes('gone')
        ? { status: 404, body: problem('container_not_found', 'no container "gone"', 404) }
        : undefined;
    const ended = await tare('stop', '-t', '3', 'web', 'gone', 'db');
    assert.deepEqual(ended, { code: 1, signal: null, stdout: 'web\ndb\n', stderr: 'tare: no container "gone"\n' });
    assert.deepEqual(daemon.calls[0]?.body, { timeout: 3 });
  });

  it('send what the API wants', async () => {
    const wanted: readonly (readonly [string[], string, unknown])[] = [
      [['kill', '-s', 'HUP', 'web'], 'POST /v1/containers/web/kill', { signal: 'HUP' }],
      [['rm', '-f', 'web'], 'DELETE /v1/containers/web?force=true', undefined],
      [['rename', 'web', 'db'], 'POST /v1/containers/web/rename', { name: 'db' }],
      [
        ['update', '-m', '1g', '--cpus', '2', 'web'],
        'POST /v1/containers/web/update',
        { limits: { memory: '1g', cpus: 2 } },
      ],
      [['pause', 'web'], 'POST /v1/containers/web/pause', undefined],
      [['unpause', 'web'], 'POST /v1/containers/web/resume', undefined],
      [['restart', 'web'], 'POST /v1/containers/web/restart', {}],
      [['start', 'a/b?c'], 'POST /v1/containers/a%2Fb%3Fc/start', undefined],
    ];
    for (const [words, line, body] of wanted) {
      daemon.calls.length = 0;
      assert.equal((await tare(...words)).code, 0, words.join(' '));
      const [call] = daemon.calls;
      assert.equal(`${call?.method ?? ''} ${call?.url ?? ''}`, line);
      assert.deepEqual(call?.body, body);
    }
  });

  it('logs writes each stream to its own and follows lines through their parts', async () => {
    const entry = (stream: string, text: string, partial = false) => ({ at: AT, stream, text, partial });
    const lines = [entry('stdout', 'a', true), entry('stderr', 'e'), entry('stdout', 'b'), entry('stdout', '')];
    answerWith(undefined);
    const original = daemon.answer;
    daemon.answer = (call: Call) =>
      call.url.includes('/logs') ? { status: 200, body: { ndjson: lines } } : original(call);
    const ended = await tare('logs', '-t', '--tail', '5', 'web');
    assert.equal(ended.stdout, `${AT} ab\n${AT} \n`);
    assert.equal(ended.stderr, `${AT} e\n`);
    assert.match(daemon.calls[0]?.url ?? '', /follow=false&tail=5$/);
  });

  it('wait prints exit codes, inspect an array, top a table', async () => {
    answerWith({ unknown: false, code: 3, oomKilled: false, at: AT });
    assert.equal((await tare('wait', 'web')).stdout, '3\n');
    answerWith({ unknown: true, oomKilled: false, at: AT });
    assert.equal((await tare('wait', 'web')).stdout, 'unknown\n');
    answerWith(WEB);
    assert.deepEqual(JSON.parse((await tare('inspect', 'web')).stdout), [WEB]);
    assert.equal((await tare('inspect', '-f', '{{.status}} {{json .labels}}', 'web')).stdout, 'running {"k":"v"}\n');
    answerWith({ titles: ['PID', 'CMD'], processes: [['1', 'sh\u001b[2J']] });
    assert.equal((await tare('top', 'web')).stdout, 'PID          CMD\n1            sh\\u001b[2J\n');
  });

  it('exec takes the exit code and forwards stdin', async () => {
    assert.equal((await tare('exec', 'web', 'exit', '9')).code, 9);
    assert.deepEqual(daemon.calls[0]?.body, { command: ['exit', '9'] });
    const client = startClient(daemon.socket, ['exec', '-i', '-e', 'OWN', '-w', '/x', 'web', 'cat', '-t']);
    client.child.stdin.end('hello');
    assert.equal((await client.ended).stdout, 'hello');
    const made = daemon.calls.find(({ body }) => (body as { stdin?: boolean } | undefined)?.stdin === true);
    assert.deepEqual(made?.body, { command: ['cat', '-t'], env: ['OWN=mine'], workdir: '/x', stdin: true });
  });

  it('exec tells a command that is not there with 127', async () => {
    daemon.answer = ({ method }) =>
      method === 'UPGRADE' ? { status: 422, body: problem('command_not_found', 'nothing: not found', 422) } : undefined;
    assert.deepEqual(await tare('exec', 'web', 'nothing'), {
      code: 127,
      signal: null,
      stdout: '',
      stderr: 'tare: nothing: not found\n',
    });
  });

  it('exec -d starts and returns', async () => {
    assert.equal((await tare('exec', '-d', 'web', 'sleep')).code, 0);
    assert.match(daemon.calls[1]?.url ?? '', /^\/v1\/execs\/e\d+\/start$/);
    assert.equal(daemon.calls[1]?.method, 'POST');
  });

  it('attach refuses what does not run', async () => {
    answerWith({ ...WEB, status: 'stopped' });
    const ended = await tare('attach', 'web');
    assert.equal(ended.code, 1);
    assert.equal(ended.stderr, 'tare: container web does not run\nhint: tare start -ai web\n');
  });

  it('attach takes the exit code of the container', async () => {
    const client = startClient(daemon.socket, ['attach', '--no-stdin', 'web']);
    await daemon.until(() => daemon.called('UPGRADE', /stdin=false/) !== undefined);
    const shown = new Promise((resolve) => client.child.stdout.once('data', resolve));
    daemon.show('web', 'out');
    await shown;
    daemon.exit('web', 5);
    const ended = await client.ended;
    assert.equal(ended.code, 5);
    assert.equal(ended.stdout, 'out');
  });

  it('events prints one line each', async () => {
    const event = { sequence: 1, at: AT, action: 'die', container: 'c1', name: 'web', labels: { k: 'v' }, exitCode: 2 };
    daemon.answer = () => ({ status: 200, body: { ndjson: [event, event] } });
    const { stdout } = await tare('events', '--until', '0', '-f', 'event=die');
    assert.equal(stdout, `${AT} container die c1 (k=v, exitCode=2, name=web)\n`.repeat(2));
    assert.equal((await tare('events', '--format', '{{.action}}')).stdout, 'die\ndie\n');
  });

  it('say what is wrong with the command line', async () => {
    const wrong: readonly (readonly [string[], number, RegExp])[] = [
      [['strat'], 1, /"strat" is not a command\nhint: did you mean "tare start"[?]/],
      [['rm'], 1, /"tare rm" takes at least 1 argument/],
      [['rename', 'x'], 1, /takes 2 arguments/],
      [['info', 'x'], 1, /takes no arguments/],
      [['run', '--nope'], 125, /unknown flag: --nope/],
      [['run'], 125, /an image, --rootfs DIR or --bundle DIR is needed/],
      [['logs', '--since', 'soon', 'x'], 1, /--since "soon" is no time/],
      [['inspect', '-f', '{{.id', 'x'], 1, /template/],
      [['stop', '..'], 1, /names no container/],
      [['completion', 'tcsh'], 1, /no completion for "tcsh"/],
      [['--host', 'tcp://x', 'ps'], 1, /not a unix socket/],
    ];
    for (const [words, code, message] of wrong) {
      const ended = await tare(...words);
      assert.equal(ended.code, code, words.join(' '));
      assert.match(ended.stderr, message);
      assert.equal(ended.stdout, '');
    }
    assert.equal(daemon.calls.length, 0);
  });

  it('say that there is no daemon', async () => {
    const ended = await runClient('/nonexistent/tare.sock', 'ps');
    assert.equal(ended.code, 1);
    assert.equal(
      ended.stderr,
      'tare: cannot connect to the daemon at unix:///nonexistent/tare.sock: is tared running?\n',
    );
    const version = await runClient('/nonexistent/tare.sock', 'version');
    assert.equal(version.code, 1);
    assert.match(version.stdout, /^Client:/);
  });

  it('help, for tare and for each command', async () => {
    assert.match((await tare()).stdout, /^Usage: {2}tare \[OPTIONS\] COMMAND/);
    assert.match((await tare('run', '--help')).stdout, /^Usage: {2}tare run/);
    assert.match((await tare('help', 'ps')).stdout, /^Usage: {2}tare ps/);
    assert.equal((await tare('--version')).stdout, 'tare version 0.1.0\n');
    answerWith({ id: 'c1', name: 'n', warnings: [] });
    assert.equal((await tare('create', '--rootfs', '/', 'ls', '--help')).stdout, 'c1\n');
  });
});
