/**
 * What only a start knows and its plan names for as long as the shim reads it: user namespaces, held by processes of the
 * container's shim that do nothing but be in them; namespaces of other containers, held by descriptors of ours; and what
 * secrets hold.
 */
import { closeSync } from 'node:fs';
import { SIGNALS } from '../../shared/signals.ts';
import { encodePlan } from '../runtime/plan/encode.ts';
import { compileHolder, idMapsNeeded } from '../runtime/plan/id-maps.ts';
import type { NamespaceType, Spec } from '../runtime/spec/types.ts';
import { placeGroups } from './cgroup-parent.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { openNetworkOf } from './endpoints/joined.ts';
import { parseMode } from './endpoints/mode.ts';
import { launchError } from './launch-error.ts';
import type { Known, Launchable } from './launch-plan.ts';
import { openJoins } from './modes/join.ts';
import { HOLDER_PREFIX } from './process-names.ts';
import { readSecrets } from './secrets/secrets.ts';

export class Knowledge {
  private readonly run: Run;
  private names: string[] = [];
  private opened: number[] = [];

  constructor(run: Run) {
    this.run = run;
  }

  /** Throws EngineError for what is not there, or that the kernel refuses. */
  async open(context: Context, container: Container, { spec, root }: Launchable): Promise<Known> {
    const idMaps = await this.openIdMaps(spec, container.name);
    const secrets = root.secrets === undefined ? undefined : await readSecrets(root.secrets);
    // last, and at once: what is opened here is not to grow old
    const namespaces = new Map<NamespaceType, string>();
    const mode = parseMode(container.row.network.mode);
    if (mode.is === 'container') namespaces.set('network', this.hold(openNetworkOf(context, mode.ref)));
    const joins = root.joins === undefined ? undefined : openJoins(context, root.joins);
    for (const [type, namespace] of joins?.namespaces ?? []) namespaces.set(type, this.hold(namespace));
    const memory = joins?.sharedMemory;
    const cgroups = placeGroups(context, container);
    return {
      idMaps,
      namespaces,
      ...(memory === undefined ? {} : { sharedMemory: this.hold(memory) }),
      ...(secrets === undefined ? {} : { secrets }),
      ...(cgroups === undefined ? {} : { cgroups }),
    };
  }

  /** StartTarget.idMaps. */
  private async openIdMaps(spec: Spec, name: string): Promise<Map<number, string>> {
    const paths = new Map<number, string>();
    for (const [index, { mappings, mounts }] of idMapsNeeded(spec).entries()) {
      const process = `${HOLDER_PREFIX}${String(index)}`;
      const plan = encodePlan(compileHolder(mappings));
      const outcome = await this.run.shim.start({ process, stdio: 'null', stdinOpen: false, plan });
      if (outcome.is === 'failed') {
        throw launchError(outcome.failure, plan, `${name} (id mappings of mounts[${String(mounts[0])}])`);
      }
      this.names.push(process);
      for (const mount of mounts) paths.set(mount, `/proc/${String(outcome.pid)}/ns/user`);
    }
    return paths;
  }

  /** The path at which others find the descriptor; closed with the rest. */
  private hold(descriptor: number): string {
    this.opened.push(descriptor);
    return `/proc/${String(process.pid)}/fd/${String(descriptor)}`;
  }

  async close(): Promise<void> {
    const { names, run, opened } = this;
    this.names = [];
    this.opened = [];
    for (const descriptor of opened) closeSync(descriptor);
    await Promise.all(names.map((name) => killAndForget(run, name)));
  }
}

/** A process of the shim other than init. */
async function killAndForget(run: Run, name: string): Promise<void> {
  const ended = run.endOf(name);
  await run.shim.signal(name, SIGNALS.SIGKILL);
  await ended;
  await run.shim.forget(name);
}
