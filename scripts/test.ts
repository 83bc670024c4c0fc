/**
 * The steps of `npm test`, in order, and a table at the end. A step that fails does not hide the ones after it.
 *
 * | step       | what it is for                                                                              |
 * |------------|---------------------------------------------------------------------------------------------|
 * | build      | the shim and the bundles                                                                    |
 * | typecheck  | tsc                                                                                         |
 * | lint       | eslint (walls between folders), import cycles, prettier                                   |
 * | unit       | the parts alone, parsers and compilers against random input, the shim's protocol            |
 * | sanitizers | the shim's protocol and the interpreter once more, under ASan and UBSan                     |
 * | fuzz       | any bytes as a plan, as frames of the shim's protocol, and random plans carried out, under libFuzzer and ASan |
 * | e2e        | the daemon and the CLI as users run them: storms, kill -9, terminals, attacks (the slow part: 12,000 lives and 55 crashes take three minutes) |
 * | runtime    | tare-oci: conformance, its commands, hooks and crashes, and the attacks that do not race    |
 * | networks   | networks, each in a namespace of the test's own                                             |
 * | images     | images, volumes, copying, full disks, in directories of the test's own                      |
 * | duties     | the Docker Engine API, builds, restart policies, health checks, modes, secrets, log drivers |
 * | vm         | what this machine cannot show: a host with cgroup v2 alone, and AppArmor; in a virtual machine (scripts/test-vm.ts) |
 * | clients    | podman, ctr, dockerd with tare-oci; docker's CLI, compose, libraries and dockerd itself beside the Docker Engine API |
 * | leaks      | the machine is as it was                                                                    |
 *
 * typecheck and lint, which need one processor and nothing else, are done beside sanitizers and fuzz; the virtual
 * machine takes what e2e, runtime and networks leave of the processors.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { findLeaks, recordMachine } from '../test/harness/leaks.ts';

const top = join(import.meta.dirname, '..');

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

interface Finished {
  code: number;
  output: string;
}

/** Runs a command, its output on the terminal as it comes and returned too. */
function run(command: string, args: string[], env: Record<string, string> = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: top,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    const take = (into: NodeJS.WriteStream) => (chunk: Buffer) => {
      output += chunk.toString();
      into.write(chunk);
    };
    child.stdout.on('data', take(process.stdout));
    child.stderr.on('data', take(process.stderr));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === null ? 1 : 128), output }));
  });
}

/** A command that passes or fails as a whole. */
async function whole(command: string, ...args: string[]): Promise<Outcome> {
  const { code } = await run(command, args);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

function count(output: string, word: string): number {
  return Number(new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
}

/**
 * Each file has a process of its own, and half of what a short one takes is reading the modules: they are compiled
 * once. Not by NODE_COMPILE_CACHE, which the daemons and programs under test would inherit.
 */
const COMPILED_ONCE = `--import=data:text/javascript,${encodeURIComponent(
  `import { enableCompileCache } from 'node:module'; enableCompileCache(${JSON.stringify(join(top, 'build/compiled'))});`,
)}`;

function filesOf(patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => globSync(pattern, { cwd: top })).sort();
}

/** Test files under Node's runner, `but` some. A skip is a failure: nothing that CI skips is tested. */
async function tests(
  patterns: readonly string[],
  options: { concurrency: number; but?: readonly string[]; env?: Record<string, string> },
): Promise<Outcome> {
  const others = new Set(filesOf(options.but ?? []));
  const files = filesOf(patterns).filter((file) => !others.has(file));
  const { code, output } = await run(
    'node',
    [
      COMPILED_ONCE,
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${options.concurrency}`,
      '--test-timeout=480000',
      ...files,
    ],
    options.env,
  );
  const passed = count(output, 'pass');
  const skipped = count(output, 'skipped') + count(output, 'todo');
  const failed = count(output, 'fail') + count(output, 'cancelled') + skipped;
  // A runner that died, or ran nothing, has failed whatever it counted.
  return { passed, skipped, failed: failed === 0 && (code !== 0 || passed === 0) ? 1 : failed };
}

/** How long a shim waits for somebody: half a minute in which nothing is computed, so others go on beside it. */
const WAITING = ['test/unit/shim/life.test.ts'];

/** Tests, and beside them those that wait. */
async function testsBesideWaiting(
  patterns: readonly string[],
  options: { concurrency: number; env?: Record<string, string> },
): Promise<Outcome> {
  const outcomes = await Promise.all([
    tests(WAITING, { ...options, concurrency: 1 }),
    tests(patterns, { ...options, but: WAITING }),
  ]);
  const sum = (of: keyof Outcome): number => outcomes.reduce((total, outcome) => total + outcome[of], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

/**
 * The virtual machine's runner prints its counts here; a lane that ended without them has failed. It gives way to the
 * tests beside it: its own have the patience that an emulated machine wants.
 */
async function virtualMachine(): Promise<Outcome> {
  const { code, output } = await run('nice', ['-n', '10', 'node', 'scripts/test-vm.ts']);
  const skipped = count(output, 'skipped') + count(output, 'todo');
  const failed = count(output, 'fail') + count(output, 'cancelled') + skipped;
  return { passed: count(output, 'pass'), skipped, failed: failed === 0 && code !== 0 ? 1 : failed };
}

const SANITIZED = {
  TARE_SHIM: join(top, 'build/shim-sanitized/tare-shim'),
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
};

const machine = await recordMachine();

/** Tests that have their part of the machine to themselves, several at a time. */
const NETWORKS = [
  'test/e2e/{network-[!s]*,networking-*,firewall*,nftables*,rtnetlink*,conntrack,dns,net-devices,assembled-*}.test.ts',
];
const IMAGES = [
  'test/e2e/{image-*,container-*,cli-images*,volumes*,system-storage*,store-*,unpack*,registry*}.test.ts',
];

const DUTIES = [
  'test/e2e/{docker-*,build*,restart-policy*,health*,init*,log-drivers*,namespace-modes*,cgroup-parent*,secrets*,limits-more*}.test.ts',
];

/**
 * Containers of a state directory each, with names of their own. The attacks among them aim at a folder of their own;
 * those that are races or hunts (joins, races) stay alone, as another's work would make them less sharp.
 */
const RUNTIME = [
  'test/conformance/*.test.ts',
  'test/attacks/{kernel,paths,process}.test.ts',
  'test/e2e/oci-{bad-*,commands,crash,hooks,life,run}.test.ts',
];

const STEPS: Record<string, () => Promise<Outcome>> = {
  build: () => whole('node', 'scripts/build.ts'),
  typecheck: () => whole('tsc', '--noEmit'),
  lint: async () => {
    const outcomes = [
      await whole('eslint', '.'),
      await whole('node', 'scripts/import-cycles.ts'),
      await whole('prettier', '--check', '--log-level', 'warn', '.'),
    ];
    const failed = outcomes.filter((outcome) => outcome.failed > 0).length;
    return { passed: outcomes.length - failed, failed, skipped: 0 };
  },
  unit: () => testsBesideWaiting(['test/unit/**/*.test.ts'], { concurrency: 2 }),
  sanitizers: async () => {
    const built = await whole('node', 'scripts/build-shim.ts', '--sanitize');
    if (built.failed > 0) return built;
    return testsBesideWaiting(['test/unit/shim/*.test.ts', 'test/unit/interpreter/*.test.ts'], {
      concurrency: 1,
      env: SANITIZED,
    });
  },
  // Begins at the same seed each time, so that it fails for what was changed; `npm run fuzz` looks further.
  fuzz: () => whole('node', 'scripts/fuzz.ts', '--seed=1', '15'),
  // One after the other: none is in another's way.
  e2e: () =>
    tests(['test/e2e/*.test.ts', 'test/conformance/*.test.ts', 'test/attacks/*.test.ts'], {
      concurrency: 1,
      but: [...NETWORKS, ...IMAGES, ...DUTIES, ...RUNTIME],
    }),
  runtime: () => tests(RUNTIME, { concurrency: 2 }),
  networks: () => tests(NETWORKS, { concurrency: 3 }),
  images: () => tests(IMAGES, { concurrency: 2 }),
  duties: () => tests(DUTIES, { concurrency: 2 }),
  vm: virtualMachine,
  clients: () => tests(['test/clients/*.test.ts'], { concurrency: 2 }),
  leaks: async () => {
    const leaks = await findLeaks(machine);
    process.stdout.write(
      leaks.length === 0
        ? 'nothing left behind: mounts, control groups, processes, files, network namespaces, links, nft tables, settings\n'
        : `left behind:\n${leaks.map((leak) => `  ${leak}\n`).join('')}`,
    );
    return { passed: leaks.length === 0 ? 1 : 0, failed: leaks.length, skipped: 0 };
  },
};

/** One after the other, but for what is done side by side: each of these is a list of lanes. */
const SIDE_BY_SIDE: readonly (readonly (readonly string[])[])[] = [
  [
    ['typecheck', 'lint'],
    ['sanitizers', 'fuzz'],
  ],
  [['e2e', 'runtime', 'networks'], ['vm']],
];

const asked = process.argv.slice(2);
for (const name of asked)
  if (!(name in STEPS)) throw new Error(`no step ${name}; there are ${Object.keys(STEPS).join(', ')}`);

const rows = new Map<string, string>();
const total: Outcome = { passed: 0, failed: 0, skipped: 0 };

async function perform(name: string, step: () => Promise<Outcome>): Promise<void> {
  process.stdout.write(`\n== ${name}\n`);
  const began = performance.now();
  const outcome = await step();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`== ${name}: ${outcome.failed === 0 ? 'ok' : 'FAILED'} after ${seconds} s\n`);
  rows.set(
    name,
    `${name.padEnd(10)} ${(outcome.failed === 0 ? 'ok' : 'FAILED').padEnd(7)} ${seconds.padStart(6)} s  ` +
      `${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped} skipped`,
  );
  total.passed += outcome.passed;
  total.failed += outcome.failed;
  total.skipped += outcome.skipped;
}

async function performAll(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const step = STEPS[name];
    const isWanted = (asked.length === 0 || asked.includes(name)) && !rows.has(name);
    if (step !== undefined && isWanted) await perform(name, step);
  }
}

const began = performance.now();
for (const name of Object.keys(STEPS)) {
  const lanes = SIDE_BY_SIDE.find((group) => group.flat().includes(name)) ?? [[name]];
  await Promise.all(lanes.map(performAll));
}
const order = Object.keys(STEPS).flatMap((name) => rows.get(name) ?? []);
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
process.stdout.write(
  `\n${order.join('\n')}\n\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped after ${minutes} minutes\n`,
);
process.exitCode = total.failed === 0 ? 0 : 1;
