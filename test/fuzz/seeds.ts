/** What the fuzzers begin with: plans of sample specs, plans that nobody without rights can carry out, and sessions. */
import { compileStart } from '../../daemon/runtime/plan/compile-start.ts';
import type { Operation, Plan } from '../../daemon/runtime/plan/operations.ts';
import { defaultSeccomp } from '../../daemon/runtime/seccomp/default-profile.ts';
import { defaultSpec } from '../../daemon/runtime/spec/default-spec.ts';
import { validateSpec } from '../../daemon/runtime/spec/validate.ts';
import { encodeMessage } from '../../daemon/shim/codec.ts';
import { PROTOCOL_VERSION, STDIO, type Message } from '../../daemon/shim/messages.ts';
import { V2, small, startTarget } from '../unit/runtime/targets.ts';

const NAMESPACES = 0x1000_0000 | 0x2_0000 | 0x0400_0000 | 0x0800_0000 | 0x2000_0000 | 0x4000_0000;
const MS_PRIVATE_REC = 0x4_4000;

/** As the daemon makes them. */
export function compiledPlans(): Plan[] {
  const sample = validateSpec(
    defaultSpec({
      host: { nofileHard: 1024, thermalThrottle: [] },
      args: ['sh', '-c', 'true'],
      hostname: 'fuzz',
      seccomp: defaultSeccomp(new Set()),
    }),
    { unknown: 'refuse' },
  );
  return [
    compileStart(sample, startTarget()),
    compileStart(sample, startTarget({ cgroups: V2, noPivot: true })),
    compileStart(
      sample,
      startTarget({ root: { kind: 'overlay-tmpfs', lower: ['/h'], size: 65_536 }, mountPoint: '/h', awaitGo: true }),
    ),
    compileStart(small(), startTarget({ root: { kind: 'bind', source: '/h' }, mountPoint: '/h' })),
  ];
}

function mount(type: string, target: string, options: readonly string[] = [], flags = 0): Operation {
  return { op: 'mount', type, source: type, target, options, attributes: 0, flags };
}

function bind(source: string, target: string): Operation {
  return {
    op: 'bind',
    source,
    target,
    recursive: 1,
    set: 0,
    clear: 0,
    set_all: 0,
    clear_all: 0,
    propagation: 0,
    tree: -1,
  };
}

/** The host's operations and identity go: the rest of a compiled plan, in a user namespace that nobody may make. */
function unprivileged(plan: Plan): Plan {
  const others = new Set<Operation['op']>([
    'clone',
    'exec',
    'cgroup_make',
    'cgroup_write',
    'cgroup_join',
    'cgroup_into',
    'cgroup_devices',
    'uid_map',
    'gid_map',
    'await_settled',
    'become_root',
    'oom_score_adj',
    'device',
  ]);
  return [
    { op: 'clone', flags: NAMESPACES },
    { op: 'gid_map', map: '0 65534 1\n', deny_setgroups: 1 },
    { op: 'uid_map', map: '0 65534 1\n' },
    { op: 'await_settled' },
    { op: 'become_root' },
    ...plan
      .filter(({ op }) => !others.has(op))
      .map((operation) =>
        operation.op === 'mount'
          ? { ...operation, options: operation.options.filter((option) => !option.startsWith('gid=')) }
          : operation,
      ),
    { op: 'exec', file: '', argv: ['/missing'] },
  ];
}

/** Plans that get far in the sandbox, whose files are /h, /h/a and /h/file. */
export function livePlans(): Plan[] {
  const root: Operation = { op: 'root_overlay_tmpfs', lower: ['/h'], size: 0, userxattr: 1, at: '/h' };
  const inside: Operation[] = [
    { op: 'loopback_up' },
    { op: 'root_propagation', flags: MS_PRIVATE_REC },
    root,
    mount('proc', '/proc'),
    mount('tmpfs', '/t', ['mode=755', 'size=65536'], 1),
    mount('tmpfs', '/dev', ['mode=755']),
    mount('devpts', '/dev/pts', ['newinstance', 'ptmxmode=0666']),
    bind('/h/a', '/t/a'),
    bind('/h/file', '/t/link'),
    { op: 'symlink', path: '/dev/fd', to: '/proc/self/fd' },
    { op: 'directory', path: '/t/a/b', mode: 0o755, uid: 0, gid: 0 },
    { op: 'device_bind', path: '/dev/null', source: '/dev/null', kind: 0x63, major: 1, minor: 3 },
    { op: 'masked', path: '/proc/kcore' },
    { op: 'masked', path: '/t/a' },
    { op: 'readonly', path: '/proc/sys' },
    { op: 'mount_attributes', target: '/', set: 1, clear: 0, recursive: 0, propagation: 0 },
    { op: 'terminal', rows: 25, columns: 80, console: 1 },
    { op: 'pivot_root' },
    { op: 'hostname', name: 'x' },
    { op: 'rlimit', resource: 7, soft: 10, hard: 10 },
    { op: 'umask', mask: 0o22 },
    { op: 'bounding_set', capabilities: 1 },
    { op: 'user', uid: 0, gid: 0, groups: [] },
    { op: 'capabilities', effective: 1, permitted: 1, inheritable: 0, ambient: 0 },
    {
      op: 'system_call',
      name: 'umask',
      number: 95,
      arguments: [0],
      buffer_argument: -1,
      buffer: Buffer.alloc(0),
      tolerated: 0,
    },
    { op: 'working_directory', path: '/t/w', create: 1 },
    { op: 'await_go' },
    { op: 'environment', variables: ['PATH=/t:/h'] },
  ];
  const direct: Plan = [
    { op: 'clone', flags: 0 },
    { op: 'root_directory', source: '/' },
    { op: 'directory', path: '/t/a', mode: 0o700, uid: 65534, gid: 65534 },
    { op: 'symlink', path: '/t/link', to: '/h' },
    { op: 'file', path: '/t/file', content: Buffer.from('x'), mode: 0o440, uid: 65534, gid: 65534, apart: 0 },
    { op: 'device', path: '/t/pipe', kind: 0x70, major: 0, minor: 0, mode: 0o600, uid: 65534, gid: 65534 },
    { op: 'await_go' },
    { op: 'environment', variables: ['A=1'] },
    { op: 'reaper' },
    { op: 'exec', file: 'x', argv: ['x', 'y'] },
  ];
  const births: Plan = [
    { op: 'birth_namespace', type: 0x4000_0000, host: '/proc/self/ns/net' },
    { op: 'start_pipe', start: '/missing', result: '/missing' },
    { op: 'overlay_tree', lower: ['/l', '/m'], upper: '/u', work: '/w', volatile: 1 },
    { op: 'bind_tree', source: '/h', recursive: 1, user_namespace: '/proc/self/ns/user', map_all: 1, below: '' },
    { op: 'joined_tree', namespace: '/missing', path: '/dev/shm' },
    { op: 'connect', purpose: 1, host: '/missing' },
    { op: 'clone', flags: 0 },
    { op: 'exec', file: '', argv: ['x'] },
  ];
  const procfs: Plan = unprivileged([
    { op: 'label', file: 'exec', value: 'x' },
    { op: 'sysctl', key: 'kernel/domainname', value: 'x' },
  ]);
  return [unprivileged(inside), procfs, ...compiledPlans().map(unprivileged), direct, births, births.toSpliced(1, 4)];
}

function session(...messages: readonly Message[]): Buffer {
  return Buffer.concat(
    [{ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION } as const, ...messages].map(encodeMessage),
  );
}

/** What clients say; the first byte of a plan decides on its launch, see fuzz_protocol.c. */
export function sessions(): Buffer[] {
  const start = (process: string, says: number, stdio: number): Message => ({
    is: 'start',
    tag: 1,
    process,
    stdio,
    // one of them with a log of the other format
    flags: says === 2 ? 3 : 1,
    log: process === '' ? '/log' : '',
    log_max_bytes: 100,
    log_max_files: 3,
    record: process === '' ? '/record' : '',
    oom: '',
    plan: Buffer.from([says]),
  });
  const of = (is: 'go' | 'pidfd' | 'forget'): Message => ({ is, tag: 2, process: '' });
  const attach: Message = { is: 'attach', tag: 3, process: '', streams: 7, flags: 5 };
  const stdin: Message = { is: 'stdin', tag: 0, data: Buffer.from('text\n') };
  const rest: Message[] = [
    { is: 'signal', tag: 4, process: '', signal: 9 },
    { is: 'resize', tag: 5, process: '', rows: 1, columns: 2 },
    { is: 'subscribe', tag: 6 },
    { is: 'status', tag: 7 },
    { is: 'shutdown', tag: 8 },
  ];
  return [
    session(start('', 4, STDIO.pipes), attach, stdin, of('pidfd'), ...rest, of('forget')),
    session(attach, stdin, start('', 2, STDIO.pipes), of('go'), start('x', 5, STDIO.null), ...rest),
    session(start('', 1, STDIO.inherit), start('y', 7, STDIO.terminal), ...rest),
  ];
}

/** Of a program, behind six bytes that choose the format and the size of the pieces: fuzz_log.c. */
export function outputs(): Buffer[] {
  const choices = (json: number, piece: number): Buffer => Buffer.from([json, 1, 1, 7, piece & 0xff, piece >> 8]);
  const text = Buffer.from('one\n\n<two> & "three"\r\n\u2028é€😀\0\x1b[m');
  const broken = Buffer.from([0xc3, 0x0a, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0xff, 0xe2, 0x82]);
  const long = Buffer.concat([Buffer.alloc(3000, 'x'), Buffer.from('\n'), Buffer.alloc(2500)]);
  return [text, broken, long, Buffer.concat([text, broken, long, text])].flatMap((output) =>
    [0, 1].flatMap((json) => [1, 5000, 39_999].map((piece) => Buffer.concat([choices(json, piece), output]))),
  );
}
