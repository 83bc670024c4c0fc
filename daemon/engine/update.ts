/** Changes a container's limits, at once where it runs. */
import type { Limits, UpdateRequest } from '../../shared/api/container.ts';
import * as groups from '../runtime/cgroups/live.ts';
import { SpecError } from '../runtime/spec/error.ts';
import { stringifyJson } from '../runtime/spec/json.ts';
import type { Resources, Spec } from '../runtime/spec/types.ts';
import { validateSpec } from '../runtime/spec/validate.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { cgroupError } from './freezer.ts';
import { launchableOf, specOf, tryPlan } from './launch-plan.ts';
import { advance } from './lifecycle.ts';
import { normalLimits, withLimits } from './limits.ts';
import { requestError } from './spec-error.ts';

const SHAPE = { defaultMounts: 0, oci: undefined };

export async function update(context: Context, ref: string, request: UpdateRequest): Promise<void> {
  const container = context.containers.find(ref);
  await container.turn.run(() => {
    const { row, id } = container;
    advance(row.status, 'update', row.name);
    const limits = normalLimits({ ...row.limits, ...request.limits });
    const spec = withNewLimits(specOf(context, container), request.limits);
    const plan = tryPlan(context, id, { ...launchableOf(context, container), spec });
    if (container.run !== undefined) apply(context, container, request.limits);
    context.journal.commit(
      (registry) => {
        registry.containers.setLimits(id, limits, stringifyJson(spec));
      },
      { action: 'update', container: row },
    );
    context.specs.drop(id);
    container.change({ limits });
    if (container.run === undefined && plan !== undefined) context.plans.keep(id, plan);
  });
}

function withNewLimits(spec: Spec, asked: Limits): Spec {
  const resources = withLimits(spec.linux?.resources ?? {}, normalLimits(asked));
  try {
    return validateSpec({ ...spec, linux: { ...spec.linux, resources } }, { unknown: 'refuse' });
  } catch (error) {
    throw requestError(error, SHAPE);
  }
}

function apply(context: Context, container: Container, asked: Limits): void {
  const resources: Resources = withLimits({}, normalLimits(asked));
  try {
    groups.update(context.cgroups, context.places.cgroup(container.id), resources);
  } catch (error) {
    if (error instanceof SpecError) throw requestError(error, SHAPE);
    if (error instanceof groups.CgroupError && error.code === 'EBUSY') {
      throw new EngineError('kernel_refused', `container ${container.name}: ${error.message}`, {
        cause: error,
        field: 'limits.memory',
        hint: 'more is in use than the new limit',
      });
    }
    throw cgroupError(error, `container ${container.name} cannot be updated`);
  }
}
