/** Bundles that are no good: each is told by name on stderr and in the log, ends with 1, and leaves nothing. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ordinarySpec, type Spec } from '../conformance/config.ts';
import { mountsBelow, newId, OciRuntime, type Bundle } from '../harness/oci.ts';
import { until } from '../harness/until.ts';

let runtime: OciRuntime;
before(() => {
  runtime = new OciRuntime();
});
after(() => runtime.close());

const good = (): Spec => {
  const spec = ordinarySpec(['true']);
  spec.root.path = 'rootfs';
  return spec;
};

/** Processes of this runtime's: their command line or environment names its folder, or they run in its roots. */
function processesOf(folder: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (command.includes(folder)) found.push(`${pid} ${command.replaceAll('\0', ' ')}`);
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return found;
}

/** Groups that bear the container's name, below whatever parent. */
function groupsOf(id: string): string[] {
  return readdirSync('/sys/fs/cgroup')
    .flatMap((hierarchy) => [`${hierarchy}/${id}`, `${hierarchy}/tare-oci/${id}`])
    .map((path) => join('/sys/fs/cgroup', path))
    .filter((path) => existsSync(path));
}

/** Nothing in the state directory, no group, no mount below the bundle, no process that knows it. */
async function assertNothingLeft(id: string, bundle: Bundle): Promise<void> {
  assert.equal(await runtime.state(id), undefined, 'there is no such container');
  assert.deepEqual(existsSync(runtime.root) ? readdirSync(runtime.root).filter((name) => name.includes(id)) : [], []);
  assert.deepEqual(groupsOf(id), []);
  assert.deepEqual(mountsBelow(bundle.folder), []);
  // A child of init's that was killed with it may be seen for a moment.
  await until('no process is left', () => processesOf(bundle.folder).length === 0);
}

interface Refusal {
  /** On stderr. */
  readonly told: string;
}

/** create fails with 1 and says `words`, in a line on stderr and as the last record of the log. */
async function assertRefused(bundle: Bundle, words: RegExp): Promise<Refusal> {
  const id = newId();
  const log = join(bundle.folder, 'log.json');
  const globals = ['--log', log, '--log-format', 'json'];
  const { code, stdout, stderr } = await runtime.invoke(['create', '--bundle', bundle.folder, id], { globals });
  assert.match(stderr, words);
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^tare-oci: [^\n]+\n$/, 'one line');
  const records = readFileSync(log, 'utf8').trimEnd().split('\n');
  const last = JSON.parse(records.at(-1)!) as { level: string; msg: string; time: string };
  assert.equal(last.level, 'error');
  assert.match(last.msg, words);
  assert.ok(!Number.isNaN(Date.parse(last.time)), last.time);
  await assertNothingLeft(id, bundle);
  return { told: stderr };
}

/** A bundle whose config.json has been changed, or is this text. */
function bundleOf(config: Spec | string | Buffer): Bundle {
  const bundle = runtime.bundle(good(), 'rootfs');
  const text = typeof config === 'string' || Buffer.isBuffer(config) ? config : JSON.stringify(config);
  writeFileSync(join(bundle.folder, 'config.json'), text);
  return bundle;
}

const changed = (change: (spec: Spec) => void): Spec => {
  const spec = good();
  change(spec);
  return spec;
};

function replaceBy(file: string, make: () => unknown): void {
  rmSync(file);
  make();
}

/** Name, what is refused by, and the config.json, or what is done to the bundle. */
const FILES: [name: string, words: RegExp, spoil: (bundle: Bundle, file: string) => void][] = [
  ['is missing', /config\.json.*ENOENT/, (_, file) => rmSync(file)],
  ['is empty', /config\.json/, (_, file) => writeFileSync(file, '')],
  ['is truncated', /config\.json/, (_, file) => writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20))],
  ['is no object', /config\.json|object/, (_, file) => writeFileSync(file, '[]')],
  ['is null', /config\.json|object/, (_, file) => writeFileSync(file, 'null')],
  [
    'is no UTF-8',
    /config\.json|ociVersion|process|UTF-8/,
    (_, file) => writeFileSync(file, Buffer.from([0xff, 0xfe, 0x7b])),
  ],
  ['nests a hundred thousand deep', /deep/, (_, file) => writeFileSync(file, '['.repeat(100_000))],
  ['has twenty megabytes', /bytes/, (_, file) => writeFileSync(file, ' '.repeat(20 * 1024 ** 2))],
  [
    'names a property twice',
    /twice|duplicate/,
    (_, file) => writeFileSync(file, '{"ociVersion":"1.0.2","ociVersion":"1.0.2"}'),
  ],
  ['sets a prototype', /__proto__/, (_, file) => writeFileSync(file, '{"ociVersion":"1.0.2","__proto__":{"root":{}}}')],
  ['is a FIFO', /config\.json/, (_, file) => replaceBy(file, () => execFileSync('mkfifo', [file]))],
  ['is a directory', /config\.json/, (_, file) => replaceBy(file, () => mkdirSync(file))],
  [
    'is a link to an endless device',
    /config\.json/,
    (_, file) => replaceBy(file, () => symlinkSync('/dev/zero', file)),
  ],
  ['is a link to itself', /config\.json.*ELOOP/, (_, file) => replaceBy(file, () => symlinkSync('config.json', file))],
  ['has a root that is missing', /rootfs.*ENOENT/, (bundle) => rmSync(bundle.rootfs, { recursive: true })],
  [
    'has a root that is a file',
    /rootfs/,
    (bundle) => {
      rmSync(bundle.rootfs, { recursive: true });
      writeFileSync(bundle.rootfs, '');
    },
  ],
];
for (const [name, words, spoil] of FILES) {
  test(`config.json ${name}`, async () => {
    const bundle = bundleOf(good());
    spoil(bundle, join(bundle.folder, 'config.json'));
    await assertRefused(bundle, words);
    bundle.remove();
  });
}

const namespaceAt = (type: string, path: string) => (spec: Spec) =>
  (spec.linux.namespaces = [...spec.linux.namespaces.filter((known) => known.type !== type), { type, path }]);

const process_ = (spec: Spec): Record<string, unknown> => spec.process!;

/** Name, the words of the refusal with the field's name, and the change. */
const VALUES: [name: string, words: RegExp, change: (spec: Spec) => void][] = [
  ['the version is none', /ociVersion/, (spec) => (spec.ociVersion = 'invalid')],
  ['the version is of another age', /ociVersion/, (spec) => (spec.ociVersion = '2.0.0')],
  ['a namespace of no kind', /linux\.namespaces\[5\]\.type/, (spec) => spec.linux.namespaces.push({ type: 'space' })],
  ['a namespace twice', /linux\.namespaces/, (spec) => spec.linux.namespaces.push({ type: 'pid' })],
  ['a namespace that is not there', /ENOENT.*|nothing.*/, namespaceAt('network', '/nothing/here')],
  ['a namespace of another type', /network|net/, namespaceAt('network', '/proc/self/ns/ipc')],
  ['a namespace that is a file', /hostname/, namespaceAt('network', '/etc/hostname')],
  ['a namespace that is a directory', /\/etc/, namespaceAt('ipc', '/etc')],
  ['a namespace that is a FIFO of nobody', /ENOENT|fifo/, namespaceAt('uts', '/nothing/fifo')],
  ['a relative path of a namespace', /linux\.namespaces\[4\]\.path/, namespaceAt('uts', 'proc/self/ns/uts')],
  ['a path of another type', /root\.path/, (spec) => (spec.root.path = 5 as unknown as string)],
  ['arguments that are none', /process\.args/, (spec) => (spec.process!.args = [])],
  ['NUL in an argument', /process\.args\[0\]/, (spec) => (spec.process!.args = ['tr\0ue'])],
  ['NUL in the environment', /process\.env/, (spec) => spec.process!.env.push('A=\0')],
  ['a relative working directory', /process\.cwd/, (spec) => (spec.process!.cwd = 'tmp')],
  ['a user beyond 32 bits', /process\.user\.uid/, (spec) => (spec.process!.user.uid = 2 ** 32)],
  ['a user that is a fraction', /process\.user\.uid/, (spec) => (spec.process!.user.uid = 0.5)],
  ['a capability of no kind', /CAP_TEST/, (spec) => spec.process!.capabilities.bounding!.push('CAP_TEST')],
  [
    'a limit of no kind',
    /RLIMIT_TEST/,
    (spec) => spec.process!.rlimits.push({ type: 'RLIMIT_TEST', hard: 1, soft: 1 }),
  ],
  ['a limit above the hard one', /rlimits\[0\]/, (spec) => (spec.process!.rlimits[0]!.soft = 1025)],
  ['a terminal for nobody', /terminal/, (spec) => (process_(spec).terminal = true)],
  ['a device without numbers', /linux\.devices\[0\]/, (spec) => (spec.linux.devices = [{ path: '/dev/x', type: 'c' }])],
  [
    'a device of no kind',
    /linux\.devices\[0\]\.type/,
    (spec) => (spec.linux.devices = [{ path: '/dev/x', type: 'x' }]),
  ],
  ['a sysctl of the host', /kernel\.panic/, (spec) => (spec.linux.sysctl = { 'kernel.panic': '1' })],
  [
    'a sysctl outside of its namespace',
    /net\.ipv4\.ip_forward/,
    (spec) => {
      spec.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'network');
    },
  ],
  ['a sysctl that climbs', /sysctl/, (spec) => (spec.linux.sysctl = { 'net/../kernel/panic': '1' })],
  ['a sysctl that is not there', /net.ipv4.nothing/, (spec) => (spec.linux.sysctl = { 'net.ipv4.nothing': '1' })],
  [
    'a mount of no kind',
    /\/tmp.*|nothingfs/,
    (spec) => spec.mounts.push({ destination: '/tmp', type: 'nothingfs', source: 'x' }),
  ],
  [
    'a bind of nothing',
    /\/nothing\/here/,
    (spec) => spec.mounts.push({ destination: '/tmp', source: '/nothing/here', options: ['bind'] }),
  ],
  [
    'a mount without a place',
    /mounts\[6\]\.destination/,
    (spec) => spec.mounts.push({ type: 'tmpfs' } as unknown as Spec['mounts'][number]),
  ],
  ['a propagation of no kind', /rootfsPropagation/, (spec) => (spec.linux.rootfsPropagation = 'everywhere')],
  ['a group above the top', /cgroupsPath/, (spec) => (spec.linux.cgroupsPath = '/../../etc')],
  [
    'memory that is no number',
    /linux\.resources\.memory\.limit/,
    (spec) => (spec.linux.resources.memory = { limit: '1m' }),
  ],
  [
    'mappings without a namespace',
    /Mappings/,
    (spec) => (spec.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]),
  ],
  [
    'a system call of no action',
    /seccomp.*action/i,
    (spec) => (spec.linux.seccomp = { defaultAction: 'SCMP_ACT_NOTHING' }),
  ],
  ['a listener that is not there', /listenerPath|\/nothing/, notifyNobody],
  ['a hook that is no path', /hooks\.prestart\[0\]\.path/, (spec) => (spec.hooks = { prestart: [{ path: 'true' }] })],
  [
    'a hook that waits less than no time',
    /hooks\.prestart\[0\]\.timeout/,
    (spec) => (spec.hooks = { prestart: [{ path: '/bin/true', timeout: -1 }] }),
  ],
  ['a program that is not there', /no-such-program/, (spec) => (spec.process!.args = ['no-such-program'])],
];

function notifyNobody(spec: Spec): void {
  spec.linux.seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    listenerPath: '/nothing/here',
    syscalls: [{ names: ['chown'], action: 'SCMP_ACT_NOTIFY' }],
  };
}

for (const [name, words, change] of VALUES) {
  test(name, async () => {
    const bundle = bundleOf(changed(change));
    await assertRefused(bundle, words);
    bundle.remove();
  });
}

test('integers beyond 2^53 are not rounded, and beyond 64 bits refused', async () => {
  const text = (limit: string) => {
    const spec = good();
    spec.linux.resources.memory = { limit: 0 };
    return JSON.stringify(spec).replace('"memory":{"limit":0}', `"memory":{"limit":${limit}}`);
  };
  for (const limit of ['9223372036854775808', '1e400', '99999999999999999999999999', '0x10', '-0x1']) {
    const bundle = bundleOf(text(limit));
    await assertRefused(bundle, /memory\.limit|config\.json|integer/);
    bundle.remove();
  }
});

test('control characters of a config.json do not reach the terminal', async () => {
  const spec = changed((base) => base.linux.namespaces.push({ type: '\u001b[2Jspace\n' }));
  const bundle = bundleOf(spec);
  // What was read is one line without its line feed; the log's JSON has the text as it is, in its own escapes.
  const { told } = await assertRefused(bundle, /linux\.namespaces\[5\]\.type/);
  assert.doesNotMatch(told.trimEnd(), /[\u0000-\u001f]/);
  bundle.remove();
});

test('a good bundle after all the bad ones', async () => {
  const bundle = bundleOf(good());
  const { created, started } = await runtime.runToEnd(bundle);
  assert.equal(created.code, 0, created.stderr);
  assert.equal(started?.code, 0, started?.stderr);
  bundle.remove();
});
