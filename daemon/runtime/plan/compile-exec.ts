/** A further process of a running container → its launch plan. */
import type { Process, Spec } from '../spec/types.ts';
import { checkMappedIds } from '../spec/validate-linux.ts';
import { terminalOperation } from './compile-devices.ts';
import { execPlacement } from './compile-placement.ts';
import { compileOomScore, compileProcess } from './compile-process.ts';
import { compileAffinity } from './compile-scheduling.ts';
import { compileFilter } from './compile-seccomp.ts';
import { connectConsole, keepDescriptors } from './compile-stdio.ts';
import { CLONE_FLAGS } from './kernel.ts';
import type { Operation, Plan } from './operations.ts';
import type { ExecTarget } from './target.ts';

function foreignInit({ containerInit }: ExecTarget): Operation[] {
  if (containerInit === undefined) return [];
  return [{ op: 'container_init', pid: containerInit.pid, start_time: containerInit.startTime }];
}

/**
 * The child is born in the container's pid namespace and control groups, and joins the others by the pidfd of init.
 *
 * @param spec - the container's; its seccomp filter, personality, memory policy and classes apply to the exec too
 * @param wanted - from validateProcess, complete: of the container's process only execCPUAffinity is taken over
 * @throws SpecError with `process` as the beginning of its field
 */
export function compileExec(spec: Spec, wanted: Process, target: ExecTarget): Plan {
  if (wanted.user !== undefined) checkMappedIds(wanted.user, spec.linux, 'process.user');
  const { initial, final } = wanted.execCPUAffinity ?? spec.process?.execCPUAffinity ?? {};
  const before = compileAffinity(initial);
  const placement = execPlacement(spec, target, before.length > 0);
  const settle = [...placement.afterClone, ...compileOomScore(wanted)];
  const ownPids = (target.namespaces & CLONE_FLAGS.pid) !== 0;
  const terminal: Operation[] = wanted.terminal === true ? [terminalOperation(wanted, false)] : [];
  const seccomp = compileFilter(spec, { ...target.container, status: 'running' }, target.seccomp);
  return [
    ...foreignInit(target),
    ...connectConsole(wanted, target),
    ...seccomp.connect,
    ...placement.beforeClone,
    ...(ownPids ? [{ op: 'pid_namespace_of_init' } as const] : []),
    { op: 'clone', flags: 0 },
    ...settle,
    ...(target.outliveShim === true ? [{ op: 'outlive_shim' } as const] : []),
    ...keepDescriptors(target),
    ...before,
    { op: 'join_init', flags: target.namespaces & ~CLONE_FLAGS.pid },
    ...(target.userNamespace ? [{ op: 'become_root' } as const] : []),
    ...terminal,
    ...(settle.length > 0 ? [{ op: 'await_settled' } as const] : []),
    ...compileAffinity(final),
    ...compileProcess(spec, wanted, {
      field: 'process',
      host: target.host,
      user: target.userNamespace,
      keyring: target.keyring ?? '',
      seccomp: seccomp.load,
      wait: [],
    }),
  ];
}
