/** Hosts, targets and specs to compile plans of; no host is touched. */
import assert from 'node:assert/strict';
import type { CgroupHost } from '../../../daemon/runtime/cgroups/host.ts';
import { BARE_HOST } from '../../../daemon/runtime/host-facts.ts';
import type { Operation, OperationName, Plan } from '../../../daemon/runtime/plan/operations.ts';
import type { ExecTarget, StartTarget } from '../../../daemon/runtime/plan/target.ts';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import type { Spec } from '../../../daemon/runtime/spec/types.ts';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';

const controllers = ['cpuset', 'cpu', 'io', 'memory', 'pids', 'hugetlb'];

export const V2: CgroupHost = { mode: 'v2', v1: [], v2: { mount: '/sys/fs/cgroup', controllers } };

export const HYBRID: CgroupHost = {
  mode: 'hybrid',
  v1: [
    { mount: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
    ...['cpuset', 'memory', 'devices', 'freezer', 'pids', 'hugetlb'].map((name) => ({
      mount: `/sys/fs/cgroup/${name}`,
      controllers: [name],
    })),
    { mount: '/sys/fs/cgroup/systemd', controllers: [], name: 'systemd' },
  ],
  v2: { mount: '/sys/fs/cgroup/unified', controllers: [] },
};

export function startTarget(changes: Partial<StartTarget> = {}): StartTarget {
  return {
    root: { kind: 'overlay-disk', lower: ['/images/one'], upper: '/c/upper', work: '/c/work', volatile: true },
    mountPoint: '/run/tare/mnt',
    cgroupPath: '/tare-0/one',
    cgroups: HYBRID,
    host: BARE_HOST,
    bundle: '/bundle',
    awaitGo: false,
    noPivot: false,
    newKeyring: true,
    id: 'one',
    ...changes,
  };
}

export function execTarget(changes: Partial<ExecTarget> = {}): ExecTarget {
  return {
    namespaces: 0,
    userNamespace: false,
    cgroupPath: '/tare-0/one',
    cgroups: HYBRID,
    host: BARE_HOST,
    container: { id: 'one', bundle: '/bundle', pid: 1234 },
    ...changes,
  };
}

/** The smallest spec that starts, with `linux` and further properties. */
export function small(linux: object = { namespaces: [{ type: 'mount' }] }, top: object = {}): Spec {
  const base = { ociVersion: '1.3.0', root: { path: 'rootfs' }, process: { cwd: '/', args: ['sh'] } };
  return validateSpec({ ...base, linux, ...top }, { unknown: 'refuse' });
}

/** What `of` refuses. */
export function refusal(of: () => unknown): SpecError {
  try {
    of();
  } catch (error) {
    assert.ok(error instanceof SpecError, String(error));
    return error;
  }
  return assert.fail('was accepted');
}

export function named<N extends OperationName>(plan: Plan, name: N): Extract<Operation, { op: N }>[] {
  return plan.filter((operation): operation is Extract<Operation, { op: N }> => operation.op === name);
}

export function names(plan: Plan): OperationName[] {
  return plan.map(({ op }) => op);
}
