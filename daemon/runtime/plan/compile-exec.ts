/** A further process of a running container → its launch plan. */
import type { Process, Spec } from '../spec/types.ts';
import { checkMappedIds } from '../spec/validate-linux.ts';
import { terminalOperation } from './compile-devices.ts';
import { joinPlacement } from './compile-placement.ts';
import { compileOomScore, compileProcess } from './compile-process.ts';
import { CLONE_FLAGS } from './kernel.ts';
import type { Operation, Plan } from './operations.ts';
import type { ExecTarget } from './target.ts';

/**
 * The child is born in the container's pid namespace and control groups, and joins the others by the pidfd of init.
 *
 * @param spec - the container's; its seccomp filter applies to the exec too
 * @param wanted - from validateProcess, complete: nothing of the container's process is taken over
 * @throws SpecError with `process` as the beginning of its field
 */
export function compileExec(spec: Spec, wanted: Process, target: ExecTarget): Plan {
  if (wanted.user !== undefined) checkMappedIds(wanted.user, spec.linux, 'process.user');
  const placement = joinPlacement(target.cgroups, target.cgroupPath);
  const settle = [...placement.afterClone, ...compileOomScore(wanted)];
  const ownPids = (target.namespaces & CLONE_FLAGS.pid) !== 0;
  const terminal: Operation[] = wanted.terminal === true ? [terminalOperation(wanted, false)] : [];
  return [
    ...placement.beforeClone,
    ...(ownPids ? [{ op: 'pid_namespace_of_init' } as const] : []),
    { op: 'clone', flags: 0 },
    ...settle,
    { op: 'join_init', flags: target.namespaces & ~CLONE_FLAGS.pid },
    ...(target.userNamespace ? [{ op: 'become_root' } as const] : []),
    ...terminal,
    ...(settle.length > 0 ? [{ op: 'await_settled' } as const] : []),
    ...compileProcess(spec, wanted, {
      field: 'process',
      keyring: target.keyring ?? '',
      awaitGo: false,
      seccomp: target.seccomp,
    }),
  ];
}
