/**
 * A start on whose way others act: id-mapped mounts take their maps from user namespaces made before it, namespaces are
 * another container's, secrets are read (knowledge.ts); and networks are attached, network devices are moved and hooks run while init waits
 * at the stops of its plan.
 */
import { closeSync } from 'node:fs';
import { HOOK_KINDS, hooksOf } from '../runtime/hooks/hooks.ts';
import { stopsOf } from '../runtime/plan/stops.ts';
import type { Spec } from '../runtime/spec/types.ts';
import type { StartOutcome, StartRequest } from '../shim/types.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { openNamespaceOf } from './endpoints/container-namespace.ts';
import { actsAtStop, attachAhead, attachNetwork, mayBeHeld } from './endpoints/run.ts';
import { EngineError } from './errors.ts';
import { prepareBundle } from './hooks/poststop.ts';
import { Stages } from './hooks/stages.ts';
import { Knowledge } from './knowledge.ts';
import { launchError } from './launch-error.ts';
import { type Launch, type Launchable, compilePlan, waitsForNetwork } from './launch-plan.ts';

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
  const known = new Knowledge(run);
  try {
    const plan = start.launch.plan ?? (await compileKnown(context, container, staged, known));
    const begun = await launch(context, container, run, {
      request: { ...start.request, plan },
      takesNetwork: start.launch.takesNetwork,
      isThrough: staged === undefined && !actsAtStop(container),
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
 * meanwhile, which takes less than its mounts (`isAhead`). With `isThrough` nothing else is to be done at its stop: it is
 * told to go on before it gets there.
 */
async function launch(
  context: Context,
  container: Container,
  run: Run,
  {
    request,
    takesNetwork,
    isThrough,
  }: { readonly request: StartRequest; readonly takesNetwork: boolean; readonly isThrough: boolean },
): Promise<{ readonly outcome: StartOutcome; readonly isAhead: boolean }> {
  const { shim } = run;
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
    if (!isThrough) return { outcome: await started, isAhead: true };
    const going = shim.go('');
    // ignoring how it goes where the start failed, or its shim is lost: then it is the start that says so
    going.catch(() => undefined);
    const first = await started;
    const outcome = first.is === 'created' ? await going : first;
    if (outcome.is === 'started' && mayBeHeld(context, container)) run.network = namespace;
    return { outcome, isAhead: true };
  } finally {
    if (run.network === undefined) closeSync(namespace);
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
  known: Knowledge,
): Promise<Uint8Array> {
  if (staged === undefined) throw new EngineError('internal', `container ${container.name} has no plan`);
  return compilePlan(context, container.id, staged, await known.open(context, container, staged));
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
