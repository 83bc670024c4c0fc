/** OCI runtimes as tests drive them: by their command line, whichever program it is, on bundles of the test's own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { makeRootfs } from './rootfs.ts';
import { until } from './until.ts';

const TARE_OCI = join(import.meta.dirname, '../../bin/tare-oci');

/** A config.json, as far as a test looks into it. */
export type Config = Record<string, unknown>;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: string;
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Record<string, string>;
}

/** A directory with a root made of busybox and a config.json. */
export class Bundle {
  readonly folder: string;
  readonly rootfs: string;

  private constructor(folder: string, root: string) {
    this.folder = folder;
    this.rootfs = join(folder, root);
  }

  /** `root` is the config's `root.path`. */
  static make(parent: string, config: Config, root: string): Bundle {
    const bundle = new Bundle(mkdtempSync(join(parent, 'bundle-')), root);
    chmodSync(bundle.folder, 0o755);
    mkdirSync(bundle.rootfs, { recursive: true });
    makeRootfs(bundle.rootfs);
    bundle.write(config);
    return bundle;
  }

  write(config: Config): void {
    writeFileSync(join(this.folder, 'config.json'), JSON.stringify(config));
  }

  /** A path inside the root, as the host sees it. */
  inside(path: string): string {
    return join(this.rootfs, path);
  }

  remove(): void {
    removeFolder(this.folder);
  }
}

/** What is mounted below a folder of the host, the last one first. */
export function mountsBelow(folder: string): string[] {
  const targets = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return targets.filter((target) => target === folder || target.startsWith(`${folder}/`)).reverse();
}

/** Without reaching into what a runtime has mounted there and left. */
function removeFolder(folder: string): void {
  for (const target of mountsBelow(folder)) execFileSync('umount', ['--lazy', target]);
  rmSync(folder, { recursive: true, force: true });
}

/** Control groups of this name at the top of every hierarchy: some runtimes leave theirs when a start fails. */
export function removeGroups(name: string): void {
  for (const hierarchy of ['.', ...readdirSync('/sys/fs/cgroup')]) {
    const group = join('/sys/fs/cgroup', hierarchy, name);
    if (existsSync(group)) rmdirSync(group);
  }
}

/** A new name for a container. */
export const newId = (): string => `tare-test-${randomUUID()}`;

/** A runtime with a state directory and a folder for bundles of its own. `close` ends and removes what was made. */
export class OciRuntime {
  readonly folder: string;
  readonly #command: readonly string[];
  readonly #known = new Set<string>();

  /** `command` is the program and what goes before the global flags. */
  constructor(command: readonly string[] = [TARE_OCI]) {
    this.#command = command;
    this.folder = mkdtempSync(join(tmpdir(), 'tare-oci-test-'));
    // The root of a user namespace is another uid on the host and has to get to its files.
    chmodSync(this.folder, 0o711);
  }

  get root(): string {
    return join(this.folder, 'state');
  }

  bundle(config: Config, root = 'rootfs'): Bundle {
    return Bundle.make(this.folder, config, root);
  }

  /**
   * Runs a command of the runtime to its end. What the container's process inherits of stdio is a file and not a pipe,
   * so that the end of the command is not held up by a process that lives on.
   */
  async invoke(
    args: readonly string[],
    options: { cwd?: string; globals?: readonly string[] } = {},
  ): Promise<Finished> {
    const [program = '', ...before] = this.#command;
    const names = [join(this.folder, `out-${randomUUID()}`), join(this.folder, `err-${randomUUID()}`)] as const;
    const [out, err] = [openSync(names[0], 'wx+'), openSync(names[1], 'wx+')];
    try {
      const command = [...before, '--root', this.root, ...(options.globals ?? []), ...args];
      const child = spawn(program, command, {
        stdio: ['ignore', out, err],
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      });
      const [code] = (await once(child, 'exit')) as [number | null];
      return { code, stdout: readFileSync(names[0], 'utf8'), stderr: readFileSync(names[1], 'utf8') };
    } finally {
      closeSync(out);
      closeSync(err);
      for (const name of names) rmSync(name);
    }
  }

  /**
   * The container's own output goes to `stdout` and `stderr` of its bundle. `descriptors`: what the runtime inherits
   * from 3 on.
   */
  async create(
    id: string,
    bundle: Bundle,
    flags: readonly string[] = [],
    descriptors: readonly number[] = [],
  ): Promise<Finished> {
    const [program = '', ...before] = this.#command;
    const names = [join(bundle.folder, 'stdout'), join(bundle.folder, 'stderr')] as const;
    const [out, err] = [openSync(names[0], 'w'), openSync(names[1], 'w')];
    this.#known.add(id);
    try {
      const args = [...before, '--root', this.root, 'create', '--bundle', bundle.folder, ...flags];
      const child = spawn(program, id === '' ? args : [...args, id], {
        stdio: ['ignore', out, err, ...descriptors],
      });
      const [code] = (await once(child, 'exit')) as [number | null];
      return { code, stdout: readFileSync(names[0], 'utf8'), stderr: readFileSync(names[1], 'utf8') };
    } finally {
      closeSync(out);
      closeSync(err);
    }
  }

  start(id: string): Promise<Finished> {
    return this.invoke(id === '' ? ['start'] : ['start', id]);
  }

  kill(id: string, signal = 'KILL'): Promise<Finished> {
    return this.invoke(id === '' ? ['kill'] : ['kill', id, signal]);
  }

  delete(id: string, force = false): Promise<Finished> {
    return this.invoke(['delete', ...(force ? ['--force'] : []), ...(id === '' ? [] : [id])]);
  }

  exec(id: string, command: readonly string[], flags: readonly string[] = []): Promise<Finished> {
    return this.invoke(['exec', ...flags, id, ...command]);
  }

  /** Undefined where there is none of this name. */
  async state(id: string): Promise<State | undefined> {
    const { code, stdout } = await this.invoke(id === '' ? ['state'] : ['state', id]);
    return code === 0 ? (JSON.parse(stdout) as State) : undefined;
  }

  /** Waits for a state. A container that is not there, or goes, fails the wait. */
  async reach(id: string, ...statuses: readonly string[]): Promise<void> {
    await until(`${id} is ${statuses.join(' or ')}`, async () => {
      const state = await this.state(id);
      if (state === undefined) throw new Error(`there is no container ${id}`);
      return statuses.includes(state.status);
    });
  }

  /** Creates, starts, waits for the end and deletes; what the container wrote. Undefined `started`: create refused. */
  async runToEnd(bundle: Bundle): Promise<{ created: Finished; started?: Finished; stdout: string; stderr: string }> {
    const id = newId();
    const created = await this.create(id, bundle);
    if (created.code !== 0) return { created, stdout: '', stderr: '' };
    const started = await this.start(id);
    if (started.code === 0) await this.reach(id, 'stopped');
    await this.delete(id, true);
    const [stdout, stderr] = ['stdout', 'stderr'].map((name) => readFileSync(join(bundle.folder, name), 'utf8'));
    return { created, started, stdout: stdout ?? '', stderr: stderr ?? '' };
  }

  /** Takes away all containers that were ever named here, and all files. */
  async close(): Promise<void> {
    for (const id of this.#known) {
      if (id === '') continue;
      if (await this.state(id)) await this.delete(id, true);
      removeGroups(id);
    }
    removeFolder(this.folder);
  }
}
