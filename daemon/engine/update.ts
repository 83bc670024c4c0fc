/** Changes a container's limits, what it publishes, and its restart policy, at once where it runs. */
import type { Limits, UpdateRequest } from '../../shared/api/container.ts';
import * as groups from '../runtime/cgroups/live.ts';
import { SpecError } from '../runtime/spec/error.ts';
import { stringifyJson } from '../runtime/spec/json.ts';
import type { Resources, Spec } from '../runtime/spec/types.ts';
import { validateSpec } from '../runtime/spec/validate.ts';
import type { Networking } from '../registry/containers.ts';
import { cgroupError } from './cgroup-error.ts';
import { cgroupOf } from './cgroup-parent.ts';
import type { Container } from './container.ts';
import type { Context } from './context.ts';
import { liveRows } from './endpoints/live.ts';
import { publishedOf } from './endpoints/published.ts';
import { changePorts } from './endpoints/publish.ts';
import { EngineError } from './errors.ts';
import { launchableOf, specOf, tryPlan } from './launch-plan.ts';
import { advance } from './lifecycle.ts';
import { withDevices } from './limits-io.ts';
import { normalLimits, withLimits } from './limits.ts';
import { changePolicy } from './restart-policy/change.ts';
import { restartPolicy } from './restart-policy/of-request.ts';
import { requestError } from './spec-error.ts';

const SHAPE = { defaultMounts: 0, oci: undefined };

export async function update(context: Context, ref: string, request: UpdateRequest): Promise<void> {
  const container = context.containers.find(ref);
  if (request.limits === undefined && request.publish === undefined && request.restart === undefined) {
    throw new EngineError(
      'invalid_field',
      'limits: is missing, as publish and restart are: there is nothing to change',
      {
        field: 'limits',
      },
    );
  }
  await container.turn.run(() => {
    const { row } = container;
    advance(row.status, 'update', row.name);
    const restart = request.restart === undefined ? undefined : restartPolicy(request.restart, row.autoRemove);
    const network = newNetworking(container, request.publish);
    const limited = request.limits === undefined ? undefined : newLimits(context, container, request.limits);
    // the first that may be refused: where it is, nothing is changed
    if (network !== undefined && liveRows(container).length > 0) changePorts(context, container, network.publish);
    if (container.run !== undefined && request.limits !== undefined) apply(context, container, request.limits);
    context.journal.commit(
      (registry) => {
        if (limited !== undefined) registry.containers.setLimits(row.id, limited.limits, stringifyJson(limited.spec));
        if (network !== undefined) registry.containers.setNetwork(row.id, network);
        if (restart !== undefined) registry.containers.setRestart(row.id, restart);
      },
      { action: 'update', container: row },
    );
    if (network !== undefined) container.change({ network });
    if (restart !== undefined) changePolicy(context, container, restart);
    if (limited === undefined) return;
    context.specs.drop(row.id);
    container.change({ limits: limited.limits });
    if (container.run === undefined && limited.plan !== undefined) context.plans.keep(row.id, limited.plan);
  });
}

function newLimits(context: Context, container: Container, asked: Limits) {
  const limits = normalLimits(withDevices(container.row.limits, asked));
  const spec = withNewLimits(specOf(context, container), asked);
  const plan = tryPlan(context, container.id, { ...launchableOf(context, container), spec });
  return { limits, spec, plan };
}

/** Throws `invalid_field`; `no_network_of_its_own` where nothing can be published. */
function newNetworking({ row }: Container, publish: UpdateRequest['publish']): Networking | undefined {
  if (publish === undefined) return undefined;
  if (row.network.mode !== 'bridge' && publish.length > 0) {
    throw new EngineError('no_network_of_its_own', `container ${row.name} has the network mode "${row.network.mode}"`, {
      field: 'publish',
      hint: 'ports of containers of mode "bridge" can be published',
    });
  }
  return { ...row.network, publish: publishedOf(publish, 'publish') };
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
    groups.update(context.cgroups, cgroupOf(context, container.id), resources);
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
