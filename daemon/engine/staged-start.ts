/**
 * A start on whose way others act: id-mapped mounts take their maps from user namespaces made before it, a network
 * namespace is another container's; and networks are attached, network devices are moved and hooks run while init waits
 * at the stops of its plan.
 */
import { closeSync } from 'node:fs';
import { SIGNALS } from '../../shared/signals.ts';
import { HOOK_KINDS, hooksOf } from '../runtime/hooks/hooks.ts';
import { encodePlan } from '../runtime/plan/encode.ts';
import { compileHolder, idMapsNeeded } from '../runtime/plan/id-maps.ts';
import { stopsOf } from '../runtime/plan/stops.ts';
import type { Spec } from '../runtime/spec/types.ts';
import type { StartOutcome, StartRequest } from '../shim/types.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { openNamespaceOf } from './endpoints/container-namespace.ts';
import { openNetworkOf } from './endpoints/joined.ts';
import { parseMode } from './endpoints/mode.ts';
import { attachAhead, attachNetwork } from './endpoints/run.ts';
import { EngineError } from './errors.ts';
import { prepareBundle } from './hooks/poststop.ts';
import { Stages } from './hooks/stages.ts';
import { launchError } from './launch-error.ts';
import { type Launch, type Launchable, compilePlan, waitsForNetwork } from './launch-plan.ts';
import { HOLDER_PREFIX } from './process-names.ts';

type Started = StartOutcome & { is: 'started' };

/**
 * @param request - of the start, but for its plan
 * @throws EngineError `hook_failed`, `launch_failed`, `kernel_refused`; then init may be left at a stop
 */
export async function stagedStart(
  context: Context,
  container: Container,
  run: Run,
  start: { readonly launch: Launch; readonly request: Omit<StartRequest, 'plan'> },
): Promise<Started> {
  const { staged } = start.launch;
  if (staged !== undefined && hasHooks(staged.spec)) prepareBundle(context, container);
  const known = new Known(run);
  try {
    const plan = start.launch.plan ?? (await compileKnown(context, container, staged, known));
    const begun = await launch(context, container, run, {
      request: { ...start.request, plan },
      takesNetwork: start.launch.takesNetwork,
    });
    let { outcome } = begun;
    await known.close();
    for (const stop of stopsOnTheWay(context, container, run, { spec: staged?.spec, isAhead: begun.isAhead })) {
      if (outcome.is !== 'created') break;
      await stop(outcome.pid);
      outcome = await run.shim.go('');
    }
    if (outcome.is === 'failed') throw launchError(outcome.failure, plan, container.name);
    if (outcome.is === 'created')
      throw new EngineError('internal', `container ${container.name} waits at an unknown stop`);
    return { ...outcome, is: 'started' };
  } finally {
    await known.close();
  }
}

/**
 * Sends the start. Where init is to be born in the network namespace that the shim is in, its networks are attached
 * meanwhile, which takes less than its mounts (`isAhead`).
 */
async function launch(
  context: Context,
  container: Container,
  { shim }: Run,
  { request, takesNetwork }: { readonly request: StartRequest; readonly takesNetwork: boolean },
): Promise<{ readonly outcome: StartOutcome; readonly isAhead: boolean }> {
  // before the start: from the birth of init on the shim is in the daemon's own
  const namespace = takesNetwork ? openNetworkOfShim(shim.pid) : undefined;
  if (namespace === undefined) return { outcome: await shim.start(request), isAhead: false };
  try {
    const started = shim.start(request);
    try {
      attachAhead(context, container, namespace);
    } catch (error) {
      // ignoring how it went: it is given up, as soon as that can be
      await started.catch(() => undefined);
      throw error;
    }
    return { outcome: await started, isAhead: true };
  } finally {
    closeSync(namespace);
  }
}

/** Undefined where it could not make one. */
function openNetworkOfShim(pid: number): number | undefined {
  try {
    return openNamespaceOf(pid);
  } catch {
    // ignoring that it is gone: whoever sends it the start is told so
    return undefined;
  }
}

function hasHooks({ hooks }: Spec): boolean {
  return HOOK_KINDS.some((kind) => hooksOf(hooks, kind).length > 0);
}

/** A plan that names what is only there now. */
async function compileKnown(
  context: Context,
  container: Container,
  staged: Launchable | undefined,
  known: Known,
): Promise<Uint8Array> {
  if (staged === undefined) throw new EngineError('internal', `container ${container.name} has no plan`);
  const idMaps = await known.openIdMaps(staged.spec, container.name);
  const network = known.openNetwork(context, container);
  return compilePlan(context, container.id, staged, { idMaps, ...(network === undefined ? {} : { network }) });
}

/** What is done at each stop of the plan, in its order: stops.ts, and the last one where compilePlan asks for it. */
function stopsOnTheWay(
  context: Context,
  container: Container,
  run: Run,
  { spec, isAhead }: { readonly spec: Spec | undefined; readonly isAhead: boolean },
): ((pid: number) => Promise<void>)[] {
  const needed = spec === undefined ? { runtime: false, container: false } : stopsOf(spec);
  const stages = spec === undefined ? undefined : new Stages(context, container, run.shim, spec);
  const stops: ((pid: number) => Promise<void>)[] = [];
  if (needed.runtime || waitsForNetwork(container.row.network)) {
    stops.push(async (pid) => {
      await attachNetwork(context, container, { pid, isAhead });
      await stages?.runtime(pid);
    });
  }
  if (stages === undefined) return stops;
  if (needed.container) stops.push((pid) => stages.container(pid));
  if (hooksOf(spec?.hooks, 'startContainer').length > 0) stops.push((pid) => stages.start(pid));
  return stops;
}

/**
 * What a plan names for as long as the shim reads it: user namespaces, held by processes of the container's shim that do
 * nothing but be in them; and the network namespace of another container, held by a descriptor of ours.
 */
class Known {
  private readonly run: Run;
  private names: string[] = [];
  private namespace: number | undefined;

  constructor(run: Run) {
    this.run = run;
  }

  /** StartTarget.idMaps. Throws EngineError for maps that the kernel refuses. */
  async openIdMaps(spec: Spec, name: string): Promise<Map<number, string>> {
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

  /** A path to the namespace that the container joins; undefined where it joins none. Throws EngineError. */
  openNetwork(context: Context, container: Container): string | undefined {
    const mode = parseMode(container.row.network.mode);
    if (mode.is !== 'container') return undefined;
    this.namespace = openNetworkOf(context, mode.ref);
    return `/proc/${String(process.pid)}/fd/${String(this.namespace)}`;
  }

  async close(): Promise<void> {
    const { names, run, namespace } = this;
    this.names = [];
    this.namespace = undefined;
    if (namespace !== undefined) closeSync(namespace);
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
