/** A hook that runs in the container → the launch plan of its process. */
import { argvOf, type ContainerHookKind } from '../hooks/hooks.ts';
import { SpecError } from '../spec/error.ts';
import type { Hook, Spec } from '../spec/types.ts';
import { compileExec } from './compile-exec.ts';
import { joinPlacement } from './compile-placement.ts';
import { CLONE_FLAGS } from './kernel.ts';
import type { Operation, Plan } from './operations.ts';
import type { ExecTarget } from './target.ts';

/** As of a shell's user, umask(2). */
const UMASK = 0o022;

/**
 * - `createContainer`: in the container's namespaces, of which the mount namespace still has the host's tree as its root
 *   (init waits before pivot_root): so the hook's path is one of the host's. It has all capabilities there, for it is to
 *   change what is being made; its working directory is "/".
 * - `startContainer`: what the container's process will be (user, capabilities, limits, seccomp filter, working
 *   directory), in the container's root, where its path is looked up.
 *
 * The environment is the hook's and nothing else; of descriptors it has stdio alone. The process is killed by its
 * caller after its timeout.
 *
 * @param spec - the container's
 * @param target - as for an exec; init is at the stop of that kind
 * @throws SpecError
 */
export function compileHook(kind: ContainerHookKind, spec: Spec, hook: Hook, target: ExecTarget): Plan {
  return kind === 'createContainer' ? onHostTree(hook, target) : asProcess(spec, hook, target);
}

function onHostTree(hook: Hook, target: ExecTarget): Plan {
  const { namespaces, containerInit } = target;
  const { beforeClone, afterClone } = joinPlacement(target.cgroups, target.cgroupPath);
  const foreign: Operation[] =
    containerInit === undefined
      ? []
      : [{ op: 'container_init', pid: containerInit.pid, start_time: containerInit.startTime }];
  return [
    ...foreign,
    ...beforeClone,
    ...((namespaces & CLONE_FLAGS.pid) === 0 ? [] : [{ op: 'pid_namespace_of_init' } as const]),
    { op: 'clone', flags: 0 },
    ...afterClone,
    { op: 'join_init', flags: namespaces & ~CLONE_FLAGS.pid },
    ...(target.userNamespace ? [{ op: 'become_root' } as const] : []),
    ...(afterClone.length > 0 ? [{ op: 'await_settled' } as const] : []),
    { op: 'umask', mask: UMASK },
    { op: 'working_directory', path: '/', create: 0 },
    ...program(hook),
  ];
}

function asProcess(spec: Spec, hook: Hook, target: ExecTarget): Plan {
  if (spec.process === undefined) throw new SpecError('process', 'is missing');
  const plan = compileExec(spec, { ...spec.process, terminal: false, args: [hook.path], env: [] }, target);
  // by its path, whatever it is called by; and not a variable that an exec would be given
  return plan.flatMap((operation) => {
    if (operation.op === 'environment') return [];
    return operation.op === 'exec' ? program(hook) : [operation];
  });
}

function program(hook: Hook): Operation[] {
  return [
    { op: 'environment', variables: hook.env ?? [] },
    { op: 'exec', file: hook.path, argv: argvOf(hook) },
  ];
}
