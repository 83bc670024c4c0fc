/** Execs: over the API and at the CLI. */
import { scenario } from '../runner.ts';
import { created, idle } from '../words.ts';
import { until } from '../../../harness/until.ts';
import type { Session } from '../session.ts';

async function exec(s: Session, body: unknown): Promise<string> {
  return (await s.ask<{ Id: string }>('POST', `/containers/${s.name}/exec`, body)).body.Id;
}

async function isOver(s: Session, id: string): Promise<void> {
  await until('the exec is over', async () => {
    return !(await s.ask<{ Running: boolean }>('GET', `/exec/${id}/json`)).body.Running;
  });
}

export const execs = [
  scenario('exec: codes, streams, stdin', async (s) => {
    await idle(s, s.name);
    await s.docker('exec', s.name, 'sh', '-c', 'echo out; echo err >&2; exit 7');
    await s.dockerWith('through', 'exec', '-i', s.name, 'cat');
    await s.dockerWith('unread', 'exec', s.name, 'cat');
    await s.dockerWith('x'.repeat(200_000), 'exec', '-i', s.name, 'wc', '-c');
    await s.docker('exec', s.name, 'sh', '-c', 'kill -9 $$');
  }),
  scenario('exec: what is not there, or cannot be executed', async (s) => {
    await idle(s, s.name);
    await s.docker('exec', s.name, 'no-such-program');
    await s.docker('exec', s.name, '/no/such/program');
    await s.docker('exec', s.name, '/etc/passwd');
    await s.docker('exec', s.name, '/etc');
    await s.docker('exec', '-u', 'nobody-here', s.name, 'true');
    await s.docker('exec', '-w', '/absent', s.name, 'pwd');
  }),
  scenario('exec: user, folder, environment, privileges', async (s) => {
    await idle(s, s.name, '-e', 'COLOUR=green', '-w', '/tmp', '-u', 'alice');
    await s.docker('exec', s.name, 'sh', '-c', 'id -un; pwd; echo $COLOUR $HOME');
    await s.docker(
      'exec',
      '-u',
      'root',
      '-w',
      '/etc',
      '-e',
      'COLOUR=red',
      s.name,
      'sh',
      '-c',
      'id -un; pwd; echo $COLOUR $HOME',
    );
    await s.docker('exec', '-u', '77:88', s.name, 'sh', '-c', 'id -u; id -g');
    await s.docker('exec', s.name, 'grep', 'Cap', '/proc/self/status');
  }),
  scenario('exec -t', async (s) => {
    await idle(s, s.name);
    await s.docker('exec', '-t', s.name, 'sh', '-c', 'test -t 1 && echo terminal; echo err >&2; echo $TERM; exit 5');
  }),
  scenario('exec -d', async (s) => {
    await idle(s, s.name);
    await s.docker('exec', '-d', s.name, 'touch', '/made');
    await until('it is made', async () => (await s.engine.docker('exec', s.name, 'ls', '/made')).code === 0);
    await s.docker('exec', '-d', s.name, 'no-such-program');
  }),
  scenario('exec: create and inspect', async (s) => {
    await idle(s, s.name);
    const { body } = await s.http<{ Id: string }>('POST', `/containers/${s.name}/exec`, {
      ...{
        Cmd: ['sh', '-c', 'exit 3'],
        AttachStdout: true,
        AttachStderr: true,
        Env: ['A=b'],
        User: 'alice',
        WorkingDir: '/tmp',
      },
    });
    await s.http('GET', `/exec/${body.Id}/json`);
    await s.docker('inspect', '--format', '{{json .ExecIDs}}', s.name);
    await s.http('POST', `/exec/${body.Id}/start`, { Detach: true });
    await isOver(s, body.Id);
    await s.http('GET', `/exec/${body.Id}/json`);
    await s.http('POST', `/exec/${body.Id}/start`, { Detach: true });
    await s.docker('inspect', '--format', '{{json .ExecIDs}}', s.name);
  }),
  scenario('exec: bodies that are none', async (s) => {
    await idle(s, s.name);
    for (const body of ['{', '{}', '{"Cmd":[]}', '{"Cmd":"x"}', '{"Cmd":["true"],"User":7}', '']) {
      await s.http('POST', `/containers/${s.name}/exec`, body, { headers: { 'content-type': 'application/json' } });
    }
    await s.http('POST', `/containers/${s.name}/exec`, { Cmd: ['true'], DetachKeys: 'wrong-keys' });
  }),
  scenario('exec: absent ones', async (s) => {
    await s.http('GET', '/exec/absent/json');
    await s.http('POST', '/exec/absent/start', {});
    await s.http('POST', '/exec/absent/resize?h=1&w=1');
  }),
  scenario('exec: in what does not run', async (s) => {
    await created(s, s.name);
    await s.http('POST', `/containers/${s.name}/exec`, { Cmd: ['true'] });
    await s.docker('exec', s.name, 'true');
    await s.must('start', s.name);
    await s.must('pause', s.name);
    await s.http('POST', `/containers/${s.name}/exec`, { Cmd: ['true'] });
    await s.must('unpause', s.name);
  }),
  scenario('exec: the container ends before it', async (s) => {
    await idle(s, s.name);
    const running = s.docker('exec', s.name, 'sleep', '1000');
    await until('it runs', async () => (await s.must('top', s.name)).split('\n').length >= 3);
    await s.must('kill', s.name);
    await running;
    const id = await s.must('inspect', '--format', '{{json .ExecIDs}}', s.name);
    s.note('execs that are left', id);
  }),
  scenario('exec: hijacked', async (s) => {
    await idle(s, s.name);
    const id = await exec(s, {
      Cmd: ['sh', '-c', 'read x; echo "got $x"'],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const body = '{"Detach":false,"Tty":false}';
    const head = `POST /v1.41/exec/${id}/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    await s.rawHttp('start', `${head}word\n`, undefined, true);
    const plain = await exec(s, { Cmd: ['echo', 'out'], AttachStdout: true });
    await s.rawHttp(
      'start without an upgrade',
      `POST /v1.41/exec/${plain}/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  }),
];
