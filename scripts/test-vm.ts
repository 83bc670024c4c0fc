/**
 * The tests on a host with cgroup v2 alone, and with AppArmor: Debian's kernel in qemu by software emulation, on a
 * disk that holds tare as it was built. Every file of test/vm/, and those of the other suites that are worth their
 * time there. Made under build/vm, and made again only when what goes in has changed.
 */
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileProfile } from './vm/apparmor.ts';
import { boot } from './vm/boot.ts';
import { makeDisk, makeInitramfs, type TestGroups } from './vm/images.ts';
import { fetchKernel } from './vm/kernel.ts';

const top = join(import.meta.dirname, '..');
const folder = join(top, 'build/vm');
/** Beside other tests, to which it gives way. */
const DEADLINE_MS = 25 * 60_000;

/** What runs together in one process. Beside the tests that are for this machine alone, those of the other suites that meet control groups. */
const GROUPS: TestGroups = {
  vm: globSync('test/vm/*.test.ts', { cwd: top }).sort(),
  units: [
    'test/unit/cgroups/live.test.ts',
    'test/unit/cgroups/groups.test.ts',
    'test/unit/interpreter/groups.test.ts',
    'test/unit/runtime/on-kernel.test.ts',
  ],
  lifecycle: ['test/e2e/lifecycle.test.ts'],
  limits: ['test/e2e/limits-more.test.ts'],
  modes: ['test/e2e/namespace-modes.test.ts', 'test/e2e/cgroup-parent.test.ts'],
};

/** All test files, or those whose path contains one of the words. */
function testsFor(words: readonly string[]): TestGroups {
  const isChosen = (path: string): boolean => words.length === 0 || words.some((word) => path.includes(word));
  const chosen = Object.entries(GROUPS)
    .map(([name, files]) => [name, files.filter(isChosen)] as const)
    .filter(([, files]) => files.length > 0);
  if (chosen.length === 0) throw new Error(`no test file of the virtual machine is named like ${words.join(' ')}`);
  return Object.fromEntries(chosen);
}

function count(output: string, word: string): number | undefined {
  const number = new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(output)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** What went wrong, or undefined; and how many tests there were. */
function judge(output: string): { problem: string | undefined; passed: number } {
  const code = /^tare-vm: the runner ended with code (\d+)$/m.exec(output)?.[1];
  const passed = count(output, 'pass') ?? 0;
  const failed = (count(output, 'fail') ?? 0) + (count(output, 'cancelled') ?? 0);
  const skipped = (count(output, 'skipped') ?? 0) + (count(output, 'todo') ?? 0);
  let problem: string | undefined;
  if (code === undefined) problem = 'the machine ended before the tests did';
  else if (failed > 0) problem = `${failed} tests failed`;
  else if (skipped > 0) problem = `${skipped} tests were skipped`;
  else if (code !== '0') problem = `the test runner ended with code ${code}`;
  else if (passed === 0) problem = 'no test ran';
  return { problem, passed };
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);

async function main(): Promise<boolean> {
  const began = performance.now();
  mkdirSync(folder, { recursive: true });
  const kernel = fetchKernel(join(folder, 'kernel'));
  const initramfs = makeInitramfs(folder, kernel);
  const policy = compileProfile(folder);
  const disk = await makeDisk(folder, { top, kernel, policy, tests: testsFor(process.argv.slice(2)) });
  process.stdout.write(`vm: Linux ${kernel.release}, prepared in ${seconds(began)} s\n`);

  const booted = performance.now();
  let output = '';
  const life = await boot({
    kernel: kernel.image,
    initramfs,
    disk,
    folder,
    milliseconds: DEADLINE_MS,
    take: (text) => {
      output += text;
      process.stdout.write(text);
    },
  });
  const { problem, passed } = judge(output);
  const ends = {
    over: problem,
    time: `not done after ${DEADLINE_MS / 60_000} minutes`,
    interrupted: 'interrupted',
  } as const;
  const why = ends[life.end];
  if (why === undefined) {
    process.stdout.write(`vm: ok, ${passed} tests passed on cgroup v2 alone, after ${seconds(booted)} s\n`);
    return true;
  }
  const words = readFileSync(life.console, 'utf8').replaceAll('\r', '').trimEnd().split('\n').slice(-40);
  process.stdout.write(`\nthe kernel's last words (${life.console}):\n${words.join('\n')}\n`);
  process.stdout.write(`vm: FAILED after ${seconds(booted)} s: ${why}\n`);
  return false;
}

process.exitCode = (await main()) ? 0 : 1;
