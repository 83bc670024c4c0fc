/**
 * Fuzzes the C program with libFuzzer under ASan and UBSan: each target for SECONDS (20). What ends a target is kept as
 * build/fuzz/TARGET/crash-… and fails the run. Needs root, clang and its runtime. Run: npm run fuzz -- [--seed=N] [SECONDS] [TARGET…]
 */
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePlan } from '../daemon/runtime/plan/encode.ts';
import { compiledPlans, livePlans, outputs, sessions } from '../test/fuzz/seeds.ts';
import { generateMessagesHeader } from './generate-messages-header.ts';
import { writePlanHeader } from './generate-plan-header.ts';

const top = join(import.meta.dirname, '..');
const sources = join(top, 'native-bindings/shim');
const out = join(top, 'build/fuzz');
const NOBODY = 65534;
const DEFAULT_SECONDS = 20;
/** Of one input; a launch is given up long before, also where the machine is busy. */
const HANG_SECONDS = 60;

interface Target {
  readonly name: 'plan' | 'protocol' | 'interpreter' | 'log';
  /** Those of native-bindings/shim that are built into it. */
  readonly units: (file: string) => boolean;
  /** Runs in fuzz_sandbox.c. */
  readonly sandbox: boolean;
  readonly flags: readonly string[];
  readonly seeds: () => readonly Buffer[];
}

const SUPERVISOR = [
  'client.c',
  'log.c',
  'log_json.c',
  'process.c',
  'queue.c',
  'record.c',
  'request.c',
  'stream.c',
  'supervise.c',
];
const SHARED = ['failure.c', 'wire.c'];

const TARGETS: readonly Target[] = [
  {
    name: 'plan',
    units: (file) => ['plan.c', ...SHARED].includes(file),
    sandbox: false,
    flags: [],
    seeds: () => [...compiledPlans(), ...livePlans()].map(encodePlan),
  },
  {
    name: 'protocol',
    units: (file) => [...SUPERVISOR, ...SHARED].includes(file),
    sandbox: true,
    flags: [],
    seeds: sessions,
  },
  {
    name: 'interpreter',
    units: (file) => ![...SUPERVISOR, 'main.c'].includes(file),
    sandbox: true,
    flags: ['-Wl,--wrap=prctl'],
    seeds: () => livePlans().map(encodePlan),
  },
  {
    name: 'log',
    units: (file) => ['log.c', 'log_json.c', 'queue.c'].includes(file),
    sandbox: true,
    flags: [],
    seeds: outputs,
  },
];

function run(program: string, args: readonly string[], cwd: string): boolean {
  const { status, error } = spawnSync(program, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) throw new Error(`${program}: ${error.message}`, { cause: error });
  return status === 0;
}

function build({ name, units, sandbox, flags }: Target): string {
  const program = join(out, `fuzz-${name}`);
  const files = readdirSync(sources).filter((file) => file.endsWith('.c') && units(file));
  const harness = [`fuzz_${name}.c`, ...(sandbox ? ['fuzz_sandbox.c'] : [])].map((file) => join('test', file));
  const built = run(
    'clang',
    [
      ...['-std=c17', '-D_GNU_SOURCE', '-g', '-O1', '-Wall', '-Wextra', '-Werror'],
      ...['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all', `-I${out}`, `-I${sources}`],
      ...[...files, ...harness].map((file) => join(sources, file)),
      ...flags,
      '-o',
      program,
    ],
    top,
  );
  if (!built) throw new Error(`clang did not build ${name}`);
  return program;
}

/** An empty directory, all that a target in the sandbox sees, with its corpus in it. */
function makeRoom(name: string, seeds: readonly Buffer[]): string {
  const room = join(out, name);
  rmSync(room, { recursive: true, force: true });
  for (const directory of ['', 'corpus', 'h', 'h/a', 'proc', 'dev']) {
    mkdirSync(join(room, directory));
    chownSync(join(room, directory), NOBODY, NOBODY);
  }
  writeFileSync(join(room, 'h/file'), 'text\n');
  for (const [index, seed] of seeds.entries()) writeFileSync(join(room, 'corpus', `seed-${String(index)}`), seed);
  return room;
}

/** `seed` 0: another one each time. */
function fuzz(target: Target, seconds: number, seed: number): boolean {
  const program = build(target);
  const room = makeRoom(target.name, target.seeds());
  return run(
    program,
    [
      `-max_total_time=${String(seconds)}`,
      `-timeout=${String(HANG_SECONDS)}`,
      `-seed=${String(seed)}`,
      ...[
        '-max_len=8192',
        '-rss_limit_mb=2048',
        '-print_final_stats=1',
        '-verbosity=0',
        '-artifact_prefix=./',
        'corpus',
      ],
    ],
    room,
  );
}

const words = process.argv.slice(2);
const seed = words[0]?.startsWith('--seed=') === true ? Number(words.shift()?.slice('--seed='.length)) : 0;
const [seconds = String(DEFAULT_SECONDS), ...wanted] = words;
if (
  !Number.isInteger(seed) ||
  !/^[1-9]\d*$/.test(seconds) ||
  wanted.some((name) => TARGETS.every((target) => target.name !== name))
) {
  process.stderr.write(`usage: fuzz.ts [--seed=N] [SECONDS] [${TARGETS.map(({ name }) => name).join('|')} …]\n`);
  process.exit(2);
}
mkdirSync(out, { recursive: true });
writePlanHeader(join(out, 'plan_ops.h'));
generateMessagesHeader(join(out, 'messages.h'));
for (const target of TARGETS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  process.stdout.write(`fuzz ${target.name}\n`);
  if (fuzz(target, Number(seconds), seed)) continue;
  process.stderr.write(`fuzz ${target.name} failed; its input is kept in ${join('build/fuzz', target.name)}\n`);
  process.exitCode = 1;
}
