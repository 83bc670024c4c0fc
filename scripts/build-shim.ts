/**
 * Builds the shim: build/shim/tare-shim, static, with musl-gcc where it is installed, otherwise with cc; and with
 * --sanitize build/shim-sanitized/tare-shim, with gcc under ASan and UBSan, for tests. Nothing is done where neither
 * sources nor flags nor compiler changed. Run: node scripts/build-shim.ts [--sanitize]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { generateMessagesHeader } from './generate-messages-header.ts';
import { generatePlanHeader } from './generate-plan-header.ts';

const top = join(import.meta.dirname, '..');
const sources = join(top, 'native-bindings/shim');

const COMMON = ['-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];
/** Small matters: a page of the program that is touched is a page of every shim's weight. */
const RELEASE = [
  '-O2',
  '-fno-stack-clash-protection',
  '-fno-asynchronous-unwind-tables',
  '-fno-plt',
  '-ffunction-sections',
  '-fdata-sections',
  '-static',
  '-Wl,--gc-sections',
  '-Wl,--build-id=none',
  '-Wl,-z,noseparate-code',
  '-s',
];
const SANITIZED = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

export interface ShimBuild {
  /** Under AddressSanitizer and UndefinedBehaviorSanitizer. */
  readonly sanitize?: boolean;
  /** The program's path; by default build/shim/tare-shim or build/shim-sanitized/tare-shim. */
  readonly out?: string;
}

/** There is no C compiler, or it refused; the message is for a user to read. */
export class ShimNotBuilt extends Error {
  override name = 'ShimNotBuilt';
}

function installed(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false; // not there, or not ours to run: the next one
    }
  });
}

function compilerFor(sanitize: boolean): string {
  const candidates = sanitize ? ['gcc', 'cc'] : ['musl-gcc', 'cc', 'gcc', 'clang'];
  const found = candidates.find(installed);
  if (found === undefined) {
    throw new ShimNotBuilt(
      'no C compiler found: install gcc, and musl-tools for the smallest shim (Debian: apt-get install gcc musl-tools)',
    );
  }
  return found;
}

/** Written to a file of its own and renamed: two builds at a time, or a program that runs, do no harm. */
function replaceFile(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  const temporary = `${path}.${String(process.pid)}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

/** Compiles where something changed; the program's path. Throws ShimNotBuilt. */
export function buildShim({ sanitize = false, out }: ShimBuild = {}): string {
  const program = out ?? join(top, sanitize ? 'build/shim-sanitized/tare-shim' : 'build/shim/tare-shim');
  const directory = dirname(program);
  mkdirSync(directory, { recursive: true });
  replaceFile(join(directory, 'plan_ops.h'), generatePlanHeader());
  generateMessagesHeader(join(directory, 'messages.h'));

  const compiler = compilerFor(sanitize);
  const flags = [...COMMON, ...(sanitize ? SANITIZED : RELEASE), `-I${directory}`];
  const names = readdirSync(sources).filter((name) => /\.[ch]$/.test(name));
  const hash = createHash('sha256').update([compiler, ...flags].join('\0'));
  for (const path of [
    ...names.map((name) => join(sources, name)),
    join(directory, 'plan_ops.h'),
    join(directory, 'messages.h'),
  ]) {
    hash.update(`\0${path}\0`).update(readFileSync(path));
  }
  const stamp = `${program}.stamp`;
  const digest = hash.digest('hex');
  if (existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return program;

  const temporary = `${program}.${String(process.pid)}`;
  const units = names.filter((name) => name.endsWith('.c')).map((name) => join(sources, name));
  const { status, stderr, error } = spawnSync(compiler, [...flags, ...units, '-o', temporary], { encoding: 'utf8' });
  if (error !== undefined) throw new ShimNotBuilt(`${compiler}: ${error.message}`, { cause: error });
  if (status !== 0) throw new ShimNotBuilt(`${compiler} did not build the shim:\n${stderr}`);
  renameSync(temporary, program);
  replaceFile(stamp, digest);
  return program;
}

if (import.meta.main) {
  try {
    buildShim({ sanitize: process.argv.includes('--sanitize') });
  } catch (error) {
    if (!(error instanceof ShimNotBuilt)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
