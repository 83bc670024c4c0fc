/**
 * Containers below a control group of somebody else's, such as an orchestrator's "/kubepods/pod1" (create's
 * `cgroupParent`). What is missing of it is made when they start, written down before, and goes when nothing is below it
 * any more; what was there stays.
 */
import { existsSync } from 'node:fs';
import type { CreateRequest } from '../../shared/api/container.ts';
import type { CgroupHost } from '../runtime/cgroups/host.ts';
import * as groups from '../runtime/cgroups/live.ts';
import { SpecError } from '../runtime/spec/error.ts';
import { cgroupError } from './cgroup-error.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';

const FIELD = 'cgroupParent';

/** Where the groups of a container are, in every hierarchy. */
export function cgroupOf({ containers, places }: Context, id: string): string {
  const parent = containers.get(id)?.row.cgroupParent ?? null;
  return parent === null ? places.cgroup(id) : `${parent === '/' ? '' : parent}/${id}`;
}

/** Its groups are below somebody else's. */
export function isPlaced({ containers }: Context, id: string): boolean {
  return (containers.get(id)?.row.cgroupParent ?? null) !== null;
}

/** Without needless slashes; null: none is asked for. Throws `invalid_field`. */
export function checkedParent({ places }: Context, { cgroupParent: asked }: CreateRequest): string | null {
  if (asked === undefined) return null;
  const components = asked.split('/').filter((part) => part !== '');
  const parent = `/${components.join('/')}`;
  if (components.some((part) => part === '.' || part === '..'))
    throw invalid(`${JSON.stringify(asked)} is not a plain path`);
  const own = places.cgroupParent;
  if (parent === own || parent.startsWith(`${own}/`))
    throw invalid(`${own} is where the daemon places containers itself`);
  return parent;
}

/** At a start: the groups are made, with what is missing above them. Undefined: the plan makes them where the daemon's are. */
export function placeGroups(context: Context, container: Container): CgroupHost | undefined {
  const { id, row, name } = container;
  if (row.cgroupParent === null) return undefined;
  const { cgroups, registry, bootId } = context;
  const path = cgroupOf(context, id);
  const what = `container ${name} cannot be placed below the control group ${row.cgroupParent}`;
  try {
    const missing = groups.missingAbove(cgroups, path);
    if (missing.length > 0) registry.madeGroups.add(missing, bootId);
    return groups.prepareGroups(cgroups, path).host;
  } catch (error) {
    if (error instanceof SpecError)
      throw new EngineError('invalid_field', `${what}: ${error.message}`, { field: FIELD });
    throw cgroupError(error, what);
  }
}

/** Nothing of the container is in its groups any more. Throws CgroupError. */
export function leaveParent(context: Context, id: string): void {
  if (isPlaced(context, id)) removeMade(context);
}

/** What was made above containers of which none is there any more. Throws CgroupError. */
export function removeMade({ registry, bootId }: Context): void {
  const made = registry.madeGroups.ofBoot(bootId);
  if (made.length === 0) return;
  groups.removeEmpty(made);
  registry.madeGroups.delete(made.filter((directory) => !existsSync(directory)));
}

function invalid(problem: string): EngineError {
  return new EngineError('invalid_field', `${FIELD}: ${problem}`, { field: FIELD });
}
