import { groupOfProcess } from '../../daemon/runtime/cgroups/live.ts';
import { probeHostFacts } from '../../daemon/runtime/host-facts.ts';
import { namespaceFlags } from '../../daemon/runtime/plan/compile-namespaces.ts';
import type { ExecTarget } from '../../daemon/runtime/plan/target.ts';
import type { Spec } from '../../daemon/runtime/spec/types.ts';
import type { Context } from '../command.ts';
import type { ContainerRecord } from '../container/state.ts';

/** What an exec, or a hook in the container, joins. */
export function execTarget(context: Context, record: ContainerRecord, spec: Spec): ExecTarget {
  const cgroups = context.runtime.cgroups();
  const { id, bundle, pid } = record;
  return {
    namespaces: namespaceFlags(spec),
    userNamespace: spec.linux?.namespaces?.some(({ type }) => type === 'user') ?? false,
    cgroupPath: groupOfProcess(cgroups, record.cgroupPath, pid),
    cgroups,
    host: probeHostFacts(),
    container: { id, bundle, pid },
    containerInit: { pid, startTime: BigInt(record.startTime) },
    ...(record.keyring ? { keyring: `_ses.${id}` } : {}),
  };
}
