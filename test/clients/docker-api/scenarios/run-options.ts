/** `docker run`: mounts, limits, rights, namespaces, networks. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { until } from '../../../harness/until.ts';
import { BASE } from '../images.ts';
import { scenario } from '../runner.ts';
import type { Session } from '../session.ts';
import { idle, run } from '../words.ts';

/** Whether there was an event of this scenario's container. */
async function hasHeard(s: Session, event: string): Promise<boolean> {
  const now = (Date.now() / 1000).toFixed(3);
  const of = ['--filter', `container=${s.name}`, '--filter', `event=${event}`];
  return (await s.must('events', '--since', String(s.began), '--until', now, ...of)) !== '';
}

export const runOptions = [
  scenario('run -v: a folder of the host', async (s) => {
    const folder = s.engine.hostPath(s.name);
    mkdirSync(folder);
    writeFileSync(`${folder}/file`, 'of the host\n');
    await run(s, ['-v', `${folder}:/v`], 'sh', '-c', 'cat /v/file; echo made >/v/made');
    await run(s, ['-v', `${folder}:/v:ro`], 'sh', '-c', 'cat /v/made; touch /v/again');
    await run(s, ['-v', `${folder}/new/deep:/v`], 'ls', '-a', '/v');
    await run(s, ['-v', `${folder}/file:/file`], 'cat', '/file');
  }),
  scenario('run -v: a volume by name, one without', async (s) => {
    await run(s, ['-v', `${s.name}:/v`], 'sh', '-c', 'echo kept >/v/file');
    await run(s, ['-v', `${s.name}:/v:ro`], 'cat', '/v/file');
    await run(s, ['-v', '/v'], 'sh', '-c', 'ls /v | wc -l');
    await run(s, ['-v', `${s.name}:/etc`], 'sh', '-c', 'ls /etc/file; ls /etc/passwd');
    await s.docker('volume', 'ls', '-q', '--filter', `name=${s.name}`);
  }),
  scenario('run -v: what the image has is copied into a new volume', async (s) => {
    await run(s, ['-v', `${s.name}:/etc`], 'sh', '-c', 'cat /etc/group');
    await run(s, ['-v', `${s.sub('not')}:/etc:nocopy`], 'sh', '-c', 'ls /etc/group');
  }),
  scenario('run --mount', async (s) => {
    const folder = s.engine.hostPath(s.name);
    mkdirSync(folder);
    await run(s, ['--mount', `type=bind,source=${folder},target=/v`], 'touch', '/v/made');
    await run(s, ['--mount', `type=bind,source=${folder},target=/v,readonly`], 'sh', '-c', 'ls /v; touch /v/again');
    await run(s, ['--mount', `type=bind,source=${folder}/absent,target=/v`], 'true');
    await run(s, ['--mount', `type=volume,source=${s.name},target=/v`], 'touch', '/v/made');
    await run(
      s,
      ['--mount', 'type=tmpfs,target=/t,tmpfs-size=65536,tmpfs-mode=0700'],
      'sh',
      '-c',
      'stat -c %a /t; df -k /t | tail -1 | awk "{print \\$2}"',
    );
    await run(s, ['--mount', 'type=wrong,target=/t'], 'true');
  }),
  scenario('run --volumes-from', async (s) => {
    await idle(s, s.name, '-v', '/shared');
    await s.must('exec', s.name, 'touch', '/shared/theirs');
    await run(s, ['--volumes-from', s.name], 'ls', '/shared');
    await run(s, ['--volumes-from', `${s.name}:ro`], 'touch', '/shared/mine');
  }),
  scenario('run --tmpfs and --read-only', async (s) => {
    await run(
      s,
      ['--read-only', '--tmpfs', '/t:size=1m,mode=700'],
      'sh',
      '-c',
      'touch /made; touch /t/made && stat -c %a /t',
    );
    await run(s, ['--tmpfs', '/t'], 'sh', '-c', 'grep " /t " /proc/mounts | cut -d" " -f3,4 | sed "s/,inode64//"');
    await run(s, ['--shm-size', '2m'], 'sh', '-c', 'df -k /dev/shm | tail -1 | awk "{print \\$2}"');
  }),
  scenario('run: capabilities', async (s) => {
    const mine = ['sh', '-c', 'grep Cap /proc/self/status'];
    await run(s, [], ...mine);
    await run(s, ['--cap-drop', 'ALL'], ...mine);
    await run(s, ['--cap-drop', 'ALL', '--cap-add', 'NET_BIND_SERVICE', '--cap-add', 'cap_chown'], ...mine);
    await run(s, ['--cap-add', 'SYS_ADMIN', '--cap-drop', 'MKNOD'], ...mine);
    await run(s, ['-u', 'alice'], ...mine);
  }),
  scenario('run: rights', async (s) => {
    await run(s, ['--security-opt', 'no-new-privileges'], 'grep', 'NoNewPrivs', '/proc/self/status');
    await run(s, [], 'grep', '^Seccomp:', '/proc/self/status');
    await run(s, ['--security-opt', 'seccomp=unconfined'], 'grep', '^Seccomp:', '/proc/self/status');
    await run(s, [], 'sh', '-c', 'echo 1 >/proc/sys/vm/swappiness; ls /proc/acpi /sys/firmware; wc -c </proc/kcore');
  }),
  scenario('run --device', async (s) => {
    await run(s, ['--device', '/dev/null:/dev/nothing'], 'stat', '-c', '%t:%T', '/dev/nothing');
    await run(s, ['--device', '/dev/absent'], 'true');
    await run(s, ['--device', '/dev/null:/dev/nothing:wrong'], 'true');
  }),
  scenario('run: limits', async (s) => {
    await run(s, ['--memory', '64m'], 'cat', '/sys/fs/cgroup/memory/memory.limit_in_bytes');
    await run(s, ['--cpus', '0.5'], 'cat', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
    await run(s, ['--pids-limit', '33'], 'cat', '/sys/fs/cgroup/pids/pids.max');
    await run(s, ['--cpu-shares', '512'], 'cat', '/sys/fs/cgroup/cpu/cpu.shares');
    await run(s, ['--cpuset-cpus', '0'], 'cat', '/sys/fs/cgroup/cpuset/cpuset.cpus');
    await run(s, ['--ulimit', 'nofile=100:200'], 'sh', '-c', 'ulimit -n; ulimit -Hn');
    await run(s, ['--ulimit', 'nofile=200:100'], 'true');
    await run(s, ['--ulimit', 'wrong=1'], 'true');
    await run(
      s,
      ['--sysctl', 'kernel.shmmax=12345', '--oom-score-adj', '500'],
      'cat',
      '/proc/sys/kernel/shmmax',
      '/proc/self/oom_score_adj',
    );
  }),
  scenario('run --cgroup-parent', async (s) => {
    const parent = `${s.engine.room.group}/parent`;
    const script = `grep :memory: /proc/self/cgroup | grep -c ${parent}/`;
    await run(s, ['--cgroup-parent', parent, '--cgroupns', 'host'], 'sh', '-c', script);
    await s.must('create', '--name', s.name, '--cgroup-parent', 'relative', BASE, 'true');
    await s.docker('inspect', '--format', '{{.HostConfig.CgroupParent}}', s.name);
  }),
  scenario('run: a hog', async (s) => {
    const limits = ['--memory', '16m', '--memory-swap', '16m'];
    const hog = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'];
    await run(s, limits, ...hog);
    await idle(s, s.name, ...limits);
    await s.docker('exec', s.name, ...hog);
    // dockerd is told of it beside all else, and believes it only before the end
    if (s.engine.kind === 'dockerd') await until('dockerd has heard of it', () => hasHeard(s, 'oom'));
    await s.must('kill', s.name);
    await s.state(s.name, 'ended', (state) => !state.Running);
    await s.docker('inspect', '--format', '{{.State.OOMKilled}} {{.State.ExitCode}} {{.State.Status}}', s.name);
  }),
  scenario('run: namespaces of others', async (s) => {
    await idle(s, s.name, '--ipc', 'shareable');
    const link = (kind: string): string => `readlink /proc/self/ns/${kind}`;
    for (const [option, kind] of [
      ['--pid', 'pid'],
      ['--ipc', 'ipc'],
      ['--network', 'net'],
    ] as const) {
      const theirs = await s.must('exec', s.name, 'sh', '-c', link(kind));
      const shared = await s.must(
        'run',
        '--rm',
        ...(kind === 'net' ? [] : ['--network', 'none']),
        option,
        `container:${s.name}`,
        BASE,
        'sh',
        '-c',
        link(kind),
      );
      s.note(`${option} container:`, shared === theirs);
    }
    await run(s, ['--pid', 'host'], 'sh', '-c', 'test $$ -gt 1 && echo "not the first"');
    await run(s, ['--ipc', 'host', '--uts', 'host'], 'true');
    await run(s, ['--pid', 'container:absent'], 'true');
    await run(s, ['--uts', 'host', '--hostname', 'x'], 'true');
  }),
  scenario('run --network', async (s) => {
    await run(s, [], 'ls', '/sys/class/net');
    await s.docker('run', '--rm', '--network', 'host', BASE, 'sh', '-c', 'ls /sys/class/net | grep -c lo');
    await s.docker('run', '--rm', BASE, 'ls', '/sys/class/net');
    await idle(s, s.name, '--network', 'bridge');
    await s.docker('run', '--rm', '--network', `container:${s.name}`, BASE, 'ls', '/sys/class/net');
    await s.docker('run', '--rm', '--network', 'container:absent', BASE, 'true');
    await s.docker('run', '--rm', '--network', `container:${s.name}`, '-p', '80', BASE, 'true');
    await s.docker('run', '--rm', '--network', `container:${s.name}`, '--hostname', 'x', BASE, 'true');
  }),
  scenario('run -p: ports', async (s) => {
    await s.must(
      'run',
      '-d',
      '--name',
      s.name,
      '-p',
      '18090:80',
      '-p',
      '127.0.0.1:18091:81/udp',
      '-p',
      '82',
      BASE,
      'sleep',
      '1000',
    );
    await s.dockerSorted('port', s.name);
    await s.docker('inspect', '--format', '{{json .HostConfig.PortBindings}} {{json .Config.ExposedPorts}}', s.name);
    await s.docker('run', '--rm', '--name', s.sub('taken'), '-p', '18090:80', BASE, 'true');
    await s.docker('run', '--rm', '-p', '999999:80', BASE, 'true');
    await s.docker('run', '--rm', '--name', s.sub('foreign'), '-p', '192.0.2.1:18099:80', BASE, 'true');
    await s.must('run', '-d', '--name', s.sub('all'), '-P', '--expose', '80-81', BASE, 'sleep', '1000');
    await s.dockerSorted('port', s.sub('all'));
  }),
  scenario('run -p: it is reached', async (s) => {
    const serve = 'while :; do echo hello | nc -l -p 80; done';
    await s.must('run', '-d', '--name', s.name, '-p', '127.0.0.1:18095:80', BASE, 'sh', '-c', serve);
    const answer = await s.engine.room.run(
      'sh',
      '-c',
      'for i in $(seq 100); do busybox nc -w 1 127.0.0.1 18095 </dev/null && exit; sleep 0.05; done',
    );
    s.note('what the port says', answer.stdout);
  }),
];
