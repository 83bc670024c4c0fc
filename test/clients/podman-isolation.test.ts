/** podman over the runtime: what a container may do, how much of it, and what it shares. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { IMAGE } from './image.ts';
import { Podman } from './podman.ts';
import { needs } from './runtime.ts';

let podman: Podman;
before(async () => {
  podman = await Podman.open();
});
after(() => podman.close());

/** The lines that a shell script prints in a container with these options. */
async function lines(options: readonly string[], script: string): Promise<string[]> {
  return (await podman.script(options, script)).split('\n');
}

describe('privileges', () => {
  const CAPABILITIES = 'grep -E "^Cap" /proc/self/status | cut -f2';

  test('--cap-drop all leaves none; --cap-add gives one back', async () => {
    assert.deepEqual(await lines(['--cap-drop', 'all'], CAPABILITIES), Array(5).fill('0000000000000000'));
    const [inheritable, permitted, effective, bounding, ambient] = await lines(
      ['--cap-drop', 'all', '--cap-add', 'chown'],
      CAPABILITIES,
    );
    const chown = '0000000000000001';
    assert.deepEqual([permitted, effective, bounding, ambient], [chown, chown, chown, '0000000000000000']);
    assert.equal(inheritable, '0000000000000000');
  });

  test('a user that is not root has no capabilities, and the groups of /etc/group', async () => {
    const seen = await lines(['--user', 'alice'], `id -u; id -G; ${CAPABILITIES}`);
    assert.deepEqual(seen.slice(0, 2), ['1000', '1000 10']);
    assert.deepEqual(seen.slice(3, 5), Array(2).fill('0000000000000000'));
  });

  test('--security-opt seccomp=FILE and no-new-privileges', async () => {
    const profile = join(podman.room.folder, 'seccomp.json');
    writeFileSync(
      profile,
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }],
      }),
    );
    const script = 'mkdir /made 2>&1; grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status';
    assert.deepEqual(
      await lines(['--security-opt', `seccomp=${profile}`, '--security-opt', 'no-new-privileges'], script),
      ["mkdir: can't create directory '/made': Operation not supported", 'NoNewPrivs:\t1', 'Seccomp:\t2'],
    );
    assert.deepEqual(await lines(['--security-opt', 'seccomp=unconfined'], script), ['NoNewPrivs:\t0', 'Seccomp:\t0']);
    assert.deepEqual(await lines([], 'grep ^Seccomp: /proc/self/status'), ['Seccomp:\t2']);
  });

  test('paths of /proc are masked or read-only', async () => {
    const seen = await lines(
      [],
      'cat /proc/keys | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/vm/swappiness; true',
    );
    assert.deepEqual(seen, ['0', '0']);
  });

  test('--device: there, with the access that was granted', async () => {
    const seen = await lines(
      ['--device', '/dev/fuse:/dev/fused:r'],
      'stat -c "%t:%T" /dev/fused; probe open /dev/fused; probe open /dev/null; ls /dev/fuse 2>&1; true',
    );
    assert.deepEqual(seen.slice(0, 3), ['a:e5', 'open EPERM', 'open ok']);
    assert.match(seen[3] ?? '', /No such file/);
  });
});

describe('limits', () => {
  const V1 = '/sys/fs/cgroup';

  test('--memory, --memory-swap, --cpus, --cpu-shares, --cpuset-cpus, --pids-limit', async () => {
    const options = ['--memory', '64m', '--memory-swap', '96m', '--cpus', '0.5', '--cpu-shares', '512'];
    const files = [
      'memory/memory.limit_in_bytes',
      'memory/memory.memsw.limit_in_bytes',
      'cpu/cpu.cfs_quota_us',
      'cpu/cpu.cfs_period_us',
      'cpu/cpu.shares',
      'cpuset/cpuset.cpus',
      'pids/pids.max',
    ];
    const script = files.map((file) => `cat ${V1}/${file}`).join(';');
    assert.deepEqual(await lines([...options, '--cpuset-cpus', '0', '--pids-limit', '33'], script), [
      String(64 << 20),
      String(96 << 20),
      '50000',
      '100000',
      '512',
      '0',
      '33',
    ]);
  });

  test('a hog meets its limit: 137', async () => {
    const hog = 'dd if=/dev/zero of=/dev/null bs=200M count=1';
    const { code } = await podman.run(
      'run',
      '--rm',
      '--memory',
      '32m',
      '--memory-swap',
      '32m',
      IMAGE,
      'sh',
      '-c',
      `exec ${hog}`,
    );
    assert.equal(code, 137);
  });

  test('--ulimit, --sysctl, --oom-score-adj, --hostname, --umask, --shm-size', async () => {
    const limits = ['--ulimit', 'nofile=100:200', '--ulimit', 'nproc=300:400', '--ulimit', 'core=0:0'];
    const rest = [
      '--sysctl',
      'kernel.shmmax=12345',
      '--oom-score-adj',
      '500',
      '--hostname',
      'box',
      '--umask',
      '0027',
      '--shm-size',
      '1m',
    ];
    assert.deepEqual(
      await lines(
        [...limits, ...rest],
        'ulimit -n; ulimit -Hn; awk "/^Max processes/ { print \\$3, \\$4 }" /proc/self/limits; ulimit -c; cat /proc/sys/kernel/shmmax /proc/self/oom_score_adj; hostname; umask; df -k /dev/shm | awk "END { print \\$2 }"',
      ),
      ['100', '200', '300 400', '0', '12345', '500', 'box', '0027', '1024'],
    );
  });

  test('update of one that runs', async () => {
    await podman.idle('update', '--memory', '64m', '--pids-limit', '50');
    const read = (file: string) => podman.must('exec', 'update', 'cat', `${V1}/${file}`);
    await podman.must('update', '--memory', '128m', '--cpus', '0.25', 'update');
    assert.equal(await read('memory/memory.limit_in_bytes'), String(128 << 20));
    assert.equal(await read('cpu/cpu.cfs_quota_us'), '25000');
    assert.equal(await read('pids/pids.max'), '50');
    await podman.must('rm', '-f', 'update');
  });
});

describe('files', () => {
  test('--read-only, and the --tmpfs that stays writable', async () => {
    const options = ['--read-only', '--tmpfs', '/scratch:rw,size=1m,mode=700'];
    const seen = await lines(
      options,
      'touch /made 2>&1; touch /scratch/made && stat -c %a /scratch; df -k /scratch | awk "END { print \\$2 }"',
    );
    assert.deepEqual(seen, ['touch: /made: Read-only file system', '700', '1024']);
  });

  test('volumes: rw, ro, noexec, propagation', async () => {
    const volume = join(podman.room.folder, 'volume');
    mkdirSync(volume);
    writeFileSync(join(volume, 'file'), 'content\n');
    const script = 'cat /v/file; touch /v/made 2>&1; grep -o " /v [^ ]*.* - " /proc/self/mountinfo';
    const [content, refused, mount] = await lines(['-v', `${volume}:/v:ro,noexec,rslave`], script);
    assert.deepEqual([content, refused], ['content', 'touch: /v/made: Read-only file system']);
    assert.match(mount ?? '', /^ \/v ro,noexec/);
    assert.equal((await lines(['-v', `${volume}:/v`], script)).length, 2);
    assert.equal((await lines(['-v', `${volume}/file:/v/file:ro`], 'cat /v/file'))[0], 'content');
  });

  test('a mapped volume: the files of root are those of root in the container', needs('mapped volumes'), async () => {
    const volume = join(podman.room.folder, 'mapped');
    mkdirSync(volume);
    writeFileSync(join(volume, 'file'), '');
    const seen = await lines(
      ['--uidmap', '0:100000:65536', '-v', `${volume}:/v:idmap`],
      'stat -c "%u:%g" /v/file; touch /v/made',
    );
    assert.deepEqual(seen, ['0:0']);
    const { stdout } = await podman.room.run('stat', '-c', '%u:%g', join(volume, 'made'));
    assert.equal(stdout.trim(), '0:0');
  });
});

/** What holds the namespaces of a pod: the image has no program "pause". */
const INFRA = ['--infra-command', '/bin/sleep 1000'];

describe('namespaces', () => {
  const NAMESPACE = (kind: string) => `readlink /proc/self/ns/${kind}`;

  test('--userns by mappings, and by --userns=auto', async () => {
    assert.deepEqual(
      await lines(
        ['--uidmap', '0:100000:65536'],
        'cat /proc/self/uid_map /proc/self/gid_map | tr -s " "; id -u; touch /made',
      ),
      [' 0 100000 65536', ' 0 100000 65536', '0'],
    );
    assert.deepEqual(await lines(['--userns', 'auto:size=1000'], 'cat /proc/self/uid_map | tr -s " "'), [
      ' 0 200000 1000',
    ]);
  });

  test('--userns with a user, capabilities and exec', async () => {
    await podman.idle('mapped', '--uidmap', '0:100000:65536', '--user', 'alice');
    const { Pid } = await podman.state('mapped');
    const status = (await podman.room.run('cat', `/proc/${Pid}/status`)).stdout;
    assert.match(status, /^Uid:\t101000\t101000\t101000\t101000$/m);
    const seen = await podman.must(
      'exec',
      '--user',
      'root',
      'mapped',
      'sh',
      '-c',
      'cat /proc/self/uid_map | tr -s " "; id -u; chown alice /tmp',
    );
    assert.deepEqual(seen.split('\n'), [' 0 100000 65536', '0']);
    await podman.discard('mapped');
  });

  test('each has its own, but where it was asked to share', async () => {
    await podman.idle('giver', '--ipc', 'shareable');
    const shared = [
      '--net',
      'container:giver',
      '--ipc',
      'container:giver',
      '--pid',
      'container:giver',
      '--uts',
      'container:giver',
    ];
    for (const kind of ['net', 'ipc', 'pid', 'uts']) {
      const theirs = await podman.must('exec', 'giver', 'sh', '-c', NAMESPACE(kind));
      assert.equal(await podman.script(shared, NAMESPACE(kind)), theirs, kind);
      assert.notEqual(await podman.script([], NAMESPACE(kind)), theirs, kind);
    }
    assert.match(await podman.script(shared, 'ps'), /sleep 1000/);
    const host = ['--net', 'host', '--ipc', 'host', '--pid', 'host', '--uts', 'host'];
    for (const kind of ['net', 'ipc', 'pid', 'uts']) {
      const { stdout } = await podman.room.run('readlink', `/proc/self/ns/${kind}`);
      assert.equal(await podman.script(host, NAMESPACE(kind)), stdout.trim(), kind);
    }
    assert.equal(await podman.script(['--cgroupns', 'private'], 'cut -d: -f3 /proc/self/cgroup | uniq'), '/');
    await podman.must('rm', '-f', 'giver');
  });

  test('a pod of two that share net, ipc and uts', async () => {
    await podman.must('pod', 'create', '--name', 'pod', '--share', 'net,ipc,uts', '--hostname', 'together', ...INFRA);
    for (const name of ['first', 'second'])
      await podman.must('run', '-d', '--pod', 'pod', '--name', name, IMAGE, 'sleep', '1000');
    const seen = (name: string, kind: string) => podman.must('exec', name, 'sh', '-c', NAMESPACE(kind));
    for (const kind of ['net', 'ipc', 'uts']) assert.equal(await seen('first', kind), await seen('second', kind), kind);
    for (const kind of ['mnt', 'pid']) assert.notEqual(await seen('first', kind), await seen('second', kind), kind);
    assert.equal(await podman.must('exec', 'second', 'hostname'), 'together');
    // What one serves on the loopback the other reaches.
    await podman.must('exec', 'first', 'httpd', '-p', '127.0.0.1:7000', '-h', '/etc');
    assert.match(
      await podman.must('exec', 'second', 'wget', '-q', '-O', '-', 'http://127.0.0.1:7000/passwd'),
      /^alice:/m,
    );
    await podman.must('pod', 'pause', 'pod');
    assert.equal((await podman.state('second')).Status, 'paused');
    await podman.must('pod', 'unpause', 'pod');
    await podman.must('pod', 'stop', '-t', '0', 'pod');
    await podman.must('pod', 'start', 'pod');
    assert.equal(await seen('first', 'net'), await seen('second', 'net'));
    await podman.must('pod', 'rm', '-f', '-t', '0', 'pod');
  });

  test('a pod with a user namespace and one process tree', async () => {
    await podman.must(
      'pod',
      'create',
      '--name',
      'mapped',
      '--share',
      'pid,net,ipc',
      '--uidmap',
      '0:100000:65536',
      ...INFRA,
    );
    const options = ['run', '--rm', '--pod', 'mapped', IMAGE, 'sh', '-c'];
    const seen = (await podman.must(...options, 'cat /proc/self/uid_map | tr -s " "; ps -o args')).split('\n');
    assert.equal(seen[0], ' 0 100000 65536');
    assert.ok(seen.includes('/bin/sleep 1000'), seen.join('\n'));
    await podman.discard('mapped', 'pod');
  });
});
