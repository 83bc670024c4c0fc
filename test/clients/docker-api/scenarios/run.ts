/** `docker run`: exit codes, streams, names, what a container is given. */
import { BASE, RICH } from '../images.ts';
import { scenario } from '../runner.ts';
import { inspected, run, says } from '../words.ts';

const NETLESS = ['run', '--rm', '--network', 'none'];

export const runs = [
  scenario('run: exit codes of the program', async (s) => {
    for (const code of ['0', '1', '125', '255']) await run(s, [], 'sh', '-c', `exit ${code}`);
    await run(s, [], 'sh', '-c', 'kill -9 $$');
    await run(s, [], 'sh', '-c', 'kill -TERM $$; sleep 1; exit 5');
  }),
  scenario('run: 127, what is not there', async (s) => {
    await run(s, [], 'no-such-program');
    await run(s, [], '/no/such/program');
    await run(s, ['--entrypoint', 'nothing']);
  }),
  scenario('run: 126, what cannot be executed', async (s) => {
    await run(s, [], '/etc/passwd');
    await run(s, [], '/etc');
  }),
  scenario('run: 125, what the engine refuses', async (s) => {
    await run(s, ['--memory', '1k'], 'true');
    await run(s, ['-v', 'relative/path:/x'], 'true');
    await run(s, ['--network', 'absent'], 'true');
    await run(s, ['-u', 'nobody-here'], 'true');
    await run(s, ['-w', 'relative'], 'true');
    await run(s, ['--cap-add', 'WRONG'], 'true');
    await run(s, ['--runtime', 'absent'], 'true');
    await run(s, ['--gpus', 'all'], 'true');
    await s.docker('run', '--no-such-option');
  }),
  scenario('run: both streams apart', async (s) => {
    await run(s, [], 'sh', '-c', 'echo out; echo err >&2');
    await run(s, ['-a', 'stdout'], 'sh', '-c', 'echo out; echo err >&2');
    await run(s, ['-a', 'stderr'], 'sh', '-c', 'echo out; echo err >&2');
  }),
  scenario('run -t: one stream, a terminal', async (s) => {
    await run(s, ['-t'], 'sh', '-c', 'echo out; echo err >&2; test -t 1 && echo terminal; echo $TERM');
  }),
  scenario('run -i: stdin to its end', async (s) => {
    await s.dockerWith('x'.repeat(300_000), ...NETLESS, '-i', BASE, 'wc', '-c');
    await s.dockerWith('', ...NETLESS, '-i', BASE, 'cat');
    await s.dockerWith('unread\n', ...NETLESS, BASE, 'cat');
    await s.dockerWith('unread\n', ...NETLESS, '-i', BASE, 'true');
  }),
  scenario('run: much output', async (s) => {
    const { stdout } = await s.engine.docker(...NETLESS, BASE, 'sh', '-c', 'yes 0123456789 | head -c 3000000');
    s.note('bytes', stdout.length);
  }),
  scenario('run -d: an id, and a life without us', async (s) => {
    await s.docker('run', '-d', '--name', s.name, '--network', 'none', BASE, 'sh', '-c', 'echo out; sleep 1000');
    await says(s, s.name, 'out');
    await s.docker('logs', s.name);
  }),
  scenario('run -d --rm: it goes by itself', async (s) => {
    await s.docker('run', '-d', '--rm', '--name', s.name, '--network', 'none', BASE, 'sleep', '1000');
    await s.docker('inspect', '--format', '{{.HostConfig.AutoRemove}}', s.name);
    const removed = s.ask('POST', `/containers/${s.name}/wait?condition=removed`);
    await s.docker('stop', '-t', '0', s.name);
    s.note('removed', (await removed).body);
    await s.docker('inspect', s.name);
  }),
  scenario('run --cidfile and --name', async (s) => {
    const file = s.engine.hostPath(`${s.name}.cid`);
    await s.docker('run', '--name', s.name, '--cidfile', file, '--network', 'none', BASE, 'true');
    await s.docker('run', '--cidfile', file, '--network', 'none', BASE, 'true');
    await s.docker('ps', '-a', '--filter', `name=${s.name}`, '--format', '{{.Names}} {{.Status}} {{.Command}}');
  }),
  scenario('run: environment, folder, user, groups', async (s) => {
    await run(s, ['-e', 'A=b', '-e', 'C=d e', '-e', 'EMPTY='], 'sh', '-c', 'env | sort');
    await run(s, ['-w', '/made/anew'], 'pwd');
    for (const user of ['alice', '1000:10', 'daemon', '4711', 'alice:wheel']) {
      await run(s, ['-u', user], 'sh', '-c', 'id -u; id -g; id -G; echo $HOME');
    }
    await run(s, ['-u', 'alice', '--group-add', 'wheel', '--group-add', '99'], 'id', '-G');
  }),
  scenario('run: what the image says', async (s) => {
    await s.docker(...NETLESS, RICH);
    await s.docker(...NETLESS, RICH, 'mine');
    await s.docker(...NETLESS, '--entrypoint', 'sh', RICH, '-c', 'id -un; pwd; echo $COLOUR $SIZE');
    await s.docker(...NETLESS, '--entrypoint', '', RICH, 'echo', 'bare');
  }),
  scenario('run: hostname and hosts', async (s) => {
    await run(s, ['--hostname', 'box', '--domainname', 'lan'], 'sh', '-c', 'hostname; cat /etc/hostname');
    await run(s, ['--add-host', 'peer:192.0.2.9'], 'grep', 'peer', '/etc/hosts');
    await s.docker('run', '--rm', '--dns', '192.0.2.1', '--dns-search', 'lan', BASE, 'cat', '/etc/resolv.conf');
    await s.docker('run', '--rm', '--hostname', 'box', BASE, 'sh', '-c', 'grep -c box /etc/hosts');
  }),
  scenario('run --init', async (s) => {
    await run(s, ['--init'], 'sh', '-c', 'ps -o pid,comm | grep -c "^ *1 .*init"');
    await run(s, ['--init'], 'sh', '-c', 'exit 9');
  }),
  scenario('run --restart', async (s) => {
    await s.docker('run', '-d', '--name', s.name, '--network', 'none', '--restart', 'on-failure:1', BASE, 'false');
    await inspected(s, s.name, '{{.RestartCount}} {{.State.Status}}', '1 exited');
    await s.docker('run', '--rm', '--restart', 'always', BASE, 'true');
  }),
  scenario('run --log-driver none', async (s) => {
    await s.docker('run', '--name', s.name, '--network', 'none', '--log-driver', 'none', BASE, 'echo', 'out');
    await s.docker('logs', s.name);
  }),
];
