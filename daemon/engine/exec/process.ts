/** An exec request as an OCI process and as a launch plan. */
import type { ExecRequest } from '../../../shared/api/exec.ts';
import { CAPABILITIES, withinBoundingSet } from '../../runtime/capabilities.ts';
import { groupOfProcess } from '../../runtime/cgroups/live.ts';
import { compileExec } from '../../runtime/plan/compile-exec.ts';
import { namespaceFlags } from '../../runtime/plan/compile-namespaces.ts';
import { encodePlan } from '../../runtime/plan/encode.ts';
import { mergeEnv } from '../../runtime/spec/default-spec.ts';
import type { Process, Spec, User } from '../../runtime/spec/types.ts';
import { resolveUser } from '../../runtime/spec/users.ts';
import { validateProcess } from '../../runtime/spec/validate.ts';
import { cgroupOf } from '../cgroup-parent.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { documentsOf } from '../inspect.ts';
import { specOf } from '../launch-plan.ts';
import { requestError } from '../spec-error.ts';

export interface ExecProcess {
  readonly spec: Spec;
  readonly process: Process;
}

const SHAPE = { defaultMounts: 0, oci: undefined };

/** The process that the request means in this container. Throws `invalid_field`. */
export function execProcess(context: Context, container: Container, request: ExecRequest): ExecProcess {
  const spec = specOf(context, container);
  const own = spec.process ?? { cwd: '/' };
  try {
    const { user, home } = userOf(container, own, request);
    const names =
      request.privileged === true ? withinBoundingSet(CAPABILITIES, context.specHost.boundingSet) : undefined;
    const process: Process = {
      ...own,
      args: request.command,
      terminal: request.tty === true,
      cwd: request.workdir ?? own.cwd,
      user,
      env: mergeEnv(own.env ?? [], [...home, ...(request.tty === true ? ['TERM=xterm'] : []), ...(request.env ?? [])]),
      ...(names === undefined
        ? {}
        : { capabilities: { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] } }),
    };
    delete process.consoleSize;
    if (request.rows !== undefined && request.columns !== undefined && request.tty === true) {
      process.consoleSize = { height: request.rows, width: request.columns };
    }
    return { spec, process: validateProcess(process, 'process', { unknown: 'refuse' }) };
  } catch (error) {
    throw requestError(error, SHAPE);
  }
}

/** The container's own user, or the one that the files of its root name; HOME follows. */
function userOf(container: Container, own: Process, request: ExecRequest): { user: User; home: string[] } {
  if (request.user === undefined) return { user: own.user ?? { uid: 0, gid: 0 }, home: [] };
  const root = `/proc/${String(container.row.pid)}/root`;
  const { uid, gid, additionalGids, home } = resolveUser({ root, user: request.user });
  const umask = own.user?.umask;
  return {
    user: { uid, gid, additionalGids: [...additionalGids], ...(umask === undefined ? {} : { umask }) },
    home: [`HOME=${home ?? '/'}`],
  };
}

/** Where init is now. */
export function groupOf(context: Context, { id, row }: Container): string {
  const path = cgroupOf(context, id);
  return row.pid === null ? path : groupOfProcess(context.cgroups, path, row.pid);
}

export function execPlan(context: Context, container: Container, { spec, process }: ExecProcess): Uint8Array {
  try {
    const plan = compileExec(spec, process, {
      namespaces: namespaceFlags(spec),
      userNamespace: spec.linux?.namespaces?.some(({ type }) => type === 'user') ?? false,
      cgroupPath: groupOf(context, container),
      cgroups: context.cgroups,
      host: context.hostFacts,
      container: { id: container.id, bundle: documentsOf(context, container).bundle, pid: container.row.pid ?? 0 },
      keyring: `_ses.${container.id}`,
      seccomp: context.seccomp,
    });
    return encodePlan(plan);
  } catch (error) {
    throw requestError(error, SHAPE);
  }
}
