/** The commands that are measured beside tare, compiled or prepared once. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Contestant {
  readonly name: string;
  /** Milliseconds of each of `count` runs in a row. */
  run(count: number): number[];
}

function compile(folder: string, name: string): string {
  const program = join(folder, name);
  execFileSync('cc', [
    '-O2',
    '-static',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    program,
    join(import.meta.dirname, `${name}.c`),
  ]);
  return program;
}

function milliseconds(command: string, args: readonly string[]): number[] {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

function installed(name: string): boolean {
  return ['/usr/bin', '/usr/sbin', '/usr/local/bin'].some((folder) => existsSync(join(folder, name)));
}

export interface Contestants {
  readonly kernel: Contestant;
  readonly peers: readonly Contestant[];
  /** `tare-oci run` of the peers' own bundle. */
  readonly oci: Contestant;
  command(name: string, command: readonly string[]): Contestant;
}

/** `spec` is the OCI config of tare's own container, so that the peers run the same. */
export async function prepareContestants(
  folder: string,
  rootfs: string,
  spec: Record<string, unknown>,
): Promise<Contestants> {
  const timer = compile(folder, 'time_command');
  const limit = compile(folder, 'kernel_limit');
  const bundle = join(folder, 'bundle');
  await mkdir(bundle);
  const linux = { ...(spec.linux as Record<string, unknown>) };
  delete linux.cgroupsPath;
  await writeFile(
    join(bundle, 'config.json'),
    // crun 1.8 knows no later version of the specification.
    JSON.stringify({ ...spec, ociVersion: '1.0.2', linux, root: { path: rootfs, readonly: false } }),
  );
  const command = (name: string, words: readonly string[]): Contestant => ({
    name,
    run: (count) => milliseconds(timer, [String(count), ...words]),
  });
  /**
   * crun 1.8 refuses a hybrid host, so it gets a view without the v2 mount in a mount namespace of its own, made
   * once for a block of runs.
   */
  const pureV1 = 'mountpoint -q /sys/fs/cgroup/unified && umount /sys/fs/cgroup/unified; exec "$@"';
  const peers = ['crun', 'runc'].filter(installed).map((name) => ({
    name: `${name} run`,
    run: (count: number) =>
      milliseconds('unshare', [
        '-m',
        'sh',
        '-c',
        pureV1,
        'sh',
        timer,
        String(count),
        name,
        'run',
        '--bundle',
        bundle,
        'tare-bench-%d',
      ]),
  }));
  return {
    kernel: {
      name: 'the kernel’s limit',
      run: (count) => milliseconds(limit, [String(count), rootfs, `tare-bench-${process.pid}`]),
    },
    peers,
    oci: command('tare-oci run', [
      join(import.meta.dirname, '../../bin/tare-oci'),
      '--root',
      join(folder, 'oci'),
      'run',
      '--bundle',
      bundle,
      'tare-bench-%d',
    ]),
    command,
  };
}
