/**
 * A start on whose way others act: id-mapped mounts take their maps from user namespaces made before it, and hooks run
 * and network devices are moved while init waits at the stops of its plan.
 */
import { SIGNALS } from '../../shared/signals.ts';
import { hooksOf } from '../runtime/hooks/hooks.ts';
import { encodePlan } from '../runtime/plan/encode.ts';
import { compileHolder, idMapsNeeded } from '../runtime/plan/id-maps.ts';
import { stopsOf } from '../runtime/plan/stops.ts';
import type { Spec } from '../runtime/spec/types.ts';
import type { StartOutcome, StartRequest } from '../shim/types.ts';
import type { Container, Run } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { prepareBundle } from './hooks/poststop.ts';
import { Stages } from './hooks/stages.ts';
import { launchError } from './launch-error.ts';
import { compilePlan, type Launchable } from './launch-plan.ts';
import { HOLDER_PREFIX } from './process-names.ts';

type Started = StartOutcome & { is: 'started' };

/**
 * @param request - of the start, but for its plan
 * @throws EngineError `hook_failed`, `launch_failed`; then init may be left at a stop
 */
export async function stagedStart(
  context: Context,
  container: Container,
  run: Run,
  start: { readonly staged: Launchable; readonly request: Omit<StartRequest, 'plan'> },
): Promise<Started> {
  const { spec } = start.staged;
  prepareBundle(context, container);
  const holders = new Holders(run);
  try {
    const idMaps = await holders.open(spec, container.name);
    const plan = compilePlan(context, container.id, start.staged, idMaps);
    let outcome = await run.shim.start({ ...start.request, plan });
    await holders.close();
    for (const stop of stopsOnTheWay(new Stages(context, container, run.shim, spec), spec)) {
      if (outcome.is !== 'created') break;
      await stop(outcome.pid);
      outcome = await run.shim.go('');
    }
    if (outcome.is === 'failed') throw launchError(outcome.failure, plan, container.name);
    if (outcome.is === 'created')
      throw new EngineError('internal', `container ${container.name} waits at an unknown stop`);
    return { ...outcome, is: 'started' };
  } finally {
    await holders.close();
  }
}

/** What is done at each stop of the plan, in its order: stops.ts, and the last one where compilePlan asks for it. */
function stopsOnTheWay(stages: Stages, spec: Spec): ((pid: number) => Promise<void>)[] {
  const { runtime, container } = stopsOf(spec);
  const stops: ((pid: number) => Promise<void>)[] = [];
  if (runtime) stops.push((pid) => stages.runtime(pid));
  if (container) stops.push((pid) => stages.container(pid));
  if (hooksOf(spec.hooks, 'startContainer').length > 0) stops.push((pid) => stages.start(pid));
  return stops;
}

/** Processes of the container's shim that do nothing but be in a user namespace, for as long as a plan names it. */
class Holders {
  private readonly run: Run;
  private names: string[] = [];

  constructor(run: Run) {
    this.run = run;
  }

  /** StartTarget.idMaps. Throws EngineError for maps that the kernel refuses. */
  async open(spec: Spec, name: string): Promise<Map<number, string>> {
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

  async close(): Promise<void> {
    const { names, run } = this;
    this.names = [];
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
