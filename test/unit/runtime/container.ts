/** Compiled plans, carried out by a real shim: containers of a test file, in a directory and control groups of its own. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { DEFAULT_CAPABILITIES } from '../../../daemon/runtime/capabilities.ts';
import { groupDirectory, hierarchies, probeCgroups } from '../../../daemon/runtime/cgroups/host.ts';
import { prepareParent } from '../../../daemon/runtime/cgroups/prepare.ts';
import { probeHostFacts } from '../../../daemon/runtime/host-facts.ts';
import { compileExec } from '../../../daemon/runtime/plan/compile-exec.ts';
import { namespaceFlags } from '../../../daemon/runtime/plan/compile-namespaces.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { RootSource, StartTarget } from '../../../daemon/runtime/plan/target.ts';
import { defaultSeccomp } from '../../../daemon/runtime/seccomp/default-profile.ts';
import { defaultSpec, mergeSpec, probeSpecHost } from '../../../daemon/runtime/spec/default-spec.ts';
import type { Process, Spec } from '../../../daemon/runtime/spec/types.ts';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';
import { STDIO } from '../../../daemon/shim/messages.ts';
import { makeRootfs } from '../../harness/rootfs.ts';
import { Shim, eventually, type Client } from '../shim/shim.ts';

/** The default container running a script, with `partial` laid over it. */
export function spec(script: string, partial: unknown): Spec {
  const seccomp = defaultSeccomp(new Set(DEFAULT_CAPABILITIES));
  const args = ['sh', '-c', script];
  const found = defaultSpec({ host: probeSpecHost(), args, hostname: 'inside', seccomp });
  return validateSpec(mergeSpec(found, partial), { unknown: 'refuse' });
}

/** The text of a log in CRI format. */
function logged(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.map((line) => /^\S+ std(?:out|err) [FP] ([^]*)$/.exec(line)?.[1] ?? '').join('\n');
}

/** Also what a failed test left: its processes were killed, and leave their groups a moment later. */
function removeGroup(directory: string): true | undefined {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory() && removeGroup(join(directory, entry.name)) !== true) return undefined;
  }
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return undefined; // EBUSY
  }
}

/** Where the containers of one test file lie. `name`: of its control groups, beside the process's number. */
export class Bed {
  readonly base: string;
  readonly rootfs: string;
  readonly parent: string;
  readonly cgroups: ReturnType<typeof probeCgroups>;

  constructor(name: string) {
    this.base = mkdtempSync(join(tmpdir(), `tare-${name}-`));
    this.rootfs = makeRootfs(join(this.base, 'rootfs'));
    mkdirSync(join(this.base, 'mnt'));
    this.parent = `/tare-test-${name}-${String(process.pid)}`;
    this.cgroups = prepareParent(probeCgroups(), this.parent);
  }

  throwAway(): RootSource {
    return { kind: 'overlay-tmpfs', lower: [this.rootfs], size: 0 };
  }

  async remove(): Promise<void> {
    for (const hierarchy of hierarchies(this.cgroups)) {
      await eventually('an empty control group', () => removeGroup(groupDirectory(hierarchy, this.parent)));
    }
    rmSync(this.base, { recursive: true });
  }

  /** The default target, for a root that is thrown away. */
  target(id: string, changes: Partial<StartTarget> = {}): StartTarget {
    return {
      root: this.throwAway(),
      mountPoint: join(this.base, 'mnt'),
      cgroupPath: `${this.parent}/${id}`,
      cgroups: this.cgroups,
      host: probeHostFacts(),
      bundle: this.base,
      awaitGo: false,
      noPivot: false,
      newKeyring: true,
      id,
      ...changes,
    };
  }
}

export class Container {
  readonly id: string;
  readonly spec: Spec;
  readonly client: Client;
  pid = 0;
  private readonly bed: Bed;
  private readonly shim: Shim;
  private execs = 0;

  private constructor(bed: Bed, wanted: Spec, shim: Shim, client: Client) {
    this.bed = bed;
    this.id = String(shim.pid);
    this.spec = wanted;
    this.shim = shim;
    this.client = client;
  }

  /** `prefix`: a command that executes the rest of its arguments, before the shim's. */
  static async start(
    t: TestContext,
    bed: Bed,
    wanted: Spec,
    changes: Partial<StartTarget> = {},
    prefix: string[] = [],
  ): Promise<Container> {
    const shim = await Shim.run(t, { prefix });
    const container = new Container(bed, wanted, shim, await shim.client().subscribe());
    const plan = compileStart(wanted, bed.target(container.id, changes));
    container.pid = await container.launch('', encodePlan(plan), wanted.process?.terminal === true);
    return container;
  }

  /** Mount points of the namespace that the shim lives in. */
  hostMounts(): string {
    return readFileSync(`/proc/${String(this.shim.pid)}/mountinfo`, 'utf8');
  }

  private async launch(name: string, plan: Buffer, terminal: boolean): Promise<number> {
    const stdio = terminal ? STDIO.terminal : STDIO.pipes;
    const log = this.shim.path(`log${name}`);
    const fields = { process: name, plan, stdio, log, log_max_bytes: 1_000_000, log_max_files: 1 };
    return Number((await this.client.started(fields)).pid);
  }

  /** What the process wrote, which must have ended with 0. */
  async output(name = ''): Promise<string> {
    const { code } = await this.client.exited(name);
    const text = logged(this.shim.path(`log${name}`));
    assert.equal(code, 0, text);
    return text;
  }

  async exec(process: Partial<Process>): Promise<string> {
    const name = `exec${String(++this.execs)}`;
    const plan = compileExec(
      this.spec,
      { cwd: '/', env: ['PATH=/bin'], args: [], ...process },
      {
        namespaces: namespaceFlags(this.spec),
        userNamespace: this.spec.linux?.namespaces?.some(({ type }) => type === 'user') === true,
        cgroupPath: `${this.bed.parent}/${this.id}`,
        cgroups: this.bed.cgroups,
        host: probeHostFacts(),
        container: { id: this.id, bundle: this.bed.base, pid: this.pid },
        keyring: `_ses.${this.id}`,
      },
    );
    await this.launch(name, encodePlan(plan), process.terminal === true);
    return await this.output(name);
  }

  async end(): Promise<void> {
    await this.client.expect('ok', { is: 'signal', tag: 0, process: '', signal: 9 });
    await this.client.exited();
    await this.forget();
  }

  async forget(): Promise<void> {
    await this.client.expect('ok', { is: 'forget', tag: 0, process: '' });
    await this.shim.gone();
  }
}
