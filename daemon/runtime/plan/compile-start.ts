/** A config.json → the launch plan of a container's init. */
import { SpecError } from '../spec/error.ts';
import type { Process, Spec } from '../spec/types.ts';
import { compileDevices } from './compile-devices.ts';
import { compileMounts, showsCgroups, type CompiledMounts } from './compile-mounts.ts';
import { checkNamespaces, cloneOperations, enterNamespaces, namespacesOf, writeIdMaps } from './compile-namespaces.ts';
import { compilePlacement } from './compile-placement.ts';
import { compileIdentity, compileOomScore, compileProcess } from './compile-process.ts';
import { enterRoot, makeRoot, refuseOnHost } from './compile-root.ts';
import { compileSecrets } from './compile-secrets.ts';
import { compileFilter } from './compile-seccomp.ts';
import { connectConsole, keepDescriptors } from './compile-stdio.ts';
import type { Operation, Plan } from './operations.ts';
import { stopsOf } from './stops.ts';
import type { StartTarget } from './target.ts';
import { Trees } from './trees.ts';

/**
 * Where init waits until the shim has put it into its groups. As late as can be: on cgroup v1 that takes
 * milliseconds (an RCU grace period in the kernel), which the mounts before it hide.
 */
class Settling {
  private isAwaited: boolean;
  private cgroupNamespace: Operation[];

  constructor(isNeeded: boolean, ownCgroupNamespace: boolean) {
    this.isAwaited = !isNeeded;
    this.cgroupNamespace = ownCgroupNamespace ? [{ op: 'cgroup_namespace' }] : [];
  }

  /** The waiting alone. Nothing where it was done before, or there is nothing to wait for. */
  await(): Operation[] {
    if (this.isAwaited) return [];
    this.isAwaited = true;
    return [{ op: 'await_settled' }];
  }

  /** And the cgroup namespace, which shows init's groups as they are then. Nothing the second time. */
  take(): Operation[] {
    const operations = [...this.await(), ...this.cgroupNamespace];
    this.cgroupNamespace = [];
    return operations;
  }
}

function mountOperations(spec: Spec, { mounts }: CompiledMounts, settling: Settling): Operation[] {
  return mounts.flatMap((operations, index) => {
    const mount = spec.mounts?.[index];
    return mount !== undefined && showsCgroups(mount) ? [...settling.take(), ...operations] : operations;
  });
}

function hiddenPaths(spec: Spec): Operation[] {
  return [
    ...(spec.linux?.readonlyPaths ?? []).map((path): Operation => ({ op: 'readonly', path })),
    ...(spec.linux?.maskedPaths ?? []).map((path): Operation => ({ op: 'masked', path })),
  ];
}

/** In a mount, if it lies in one; before the root may become read-only. */
function workingDirectory({ cwd }: Process, { makeWorkingDirectory }: StartTarget): Operation[] {
  if (makeWorkingDirectory !== true || cwd === '/') return [];
  return [{ op: 'directory', path: cwd, mode: 0o755, uid: 0, gid: 0 }];
}

/** Where init stops before the last time, see Stops. */
function stopOperations(spec: Spec, { stops }: StartTarget): { runtime: Operation[]; container: Operation[] } {
  const needed = stopsOf(spec);
  const stop = (asked: boolean): Operation[] => (asked ? [{ op: 'await_go' }] : []);
  return {
    runtime: stop(needed.runtime || stops?.runtime === true),
    container: stop(needed.container || stops?.container === true),
  };
}

/** A container may be created without a process, and then not be started, runtime.md#start: there is nothing to execute. */
const NO_PROCESS: Process = { cwd: '/', args: [''] };

interface StartOperations {
  readonly pipe: readonly Operation[];
  readonly first: readonly Operation[];
  readonly wait: readonly Operation[];
}

/**
 * How the command that starts the container and its init find each other, and where init waits for that. What is to be
 * started later is looked for now: its absence is to be told by who creates the container.
 */
function startOperations(wanted: Process, { startPipe, awaitGo }: StartTarget): StartOperations {
  if (startPipe === undefined) return { pipe: [], first: [], wait: awaitGo ? [{ op: 'await_go' }] : [] };
  const { start, result } = startPipe;
  const find: Operation = { op: 'find_executable', file: wanted.args?.[0] ?? '' };
  return {
    pipe: [{ op: 'start_pipe', start, result }],
    first: [{ op: 'outlive_shim' }],
    wait: wanted === NO_PROCESS ? [{ op: 'await_start' }] : [find, { op: 'await_start' }],
  };
}

/**
 * @param spec - from validateSpec
 * @throws SpecError for what is missing for a start, or cannot be done on this host
 */
export function compileStart(spec: Spec, target: StartTarget): Plan {
  const wanted = spec.process ?? NO_PROCESS;
  if (wanted === NO_PROCESS && target.startPipe === undefined) throw new SpecError('process', 'is missing');
  const { host, id, bundle } = target;
  const namespaces = namespacesOf(spec, host);
  checkNamespaces(namespaces);
  if (namespaces.mounts === 'host') refuseOnHost(spec, target);

  const placement = compilePlacement(spec, target, namespaces);
  const trees = new Trees();
  const root = makeRoot(spec, target, namespaces, {
    becomeRoot: namespaces.user ? [{ op: 'become_root' }] : [],
    trees,
  });
  const mounts = compileMounts(spec, { target, namespaces, groups: placement.groups, trees });
  const seccomp = compileFilter(spec, { id, bundle, status: 'creating' }, target.seccomp);
  const idMaps = namespaces.fresh.has('user') ? writeIdMaps(spec.linux ?? {}) : [];
  const settle = [...idMaps, ...placement.afterClone, ...compileOomScore(wanted)];
  const settling = new Settling(settle.length > 0, namespaces.fresh.has('cgroup'));
  const stops = stopOperations(spec, target);
  const start = startOperations(wanted, target);

  return [
    ...start.pipe,
    ...connectConsole(wanted, target),
    ...seccomp.connect,
    ...trees.operations,
    ...placement.beforeClone,
    ...cloneOperations(namespaces),
    ...settle,
    ...start.first,
    ...keepDescriptors(target),
    // Nothing can be made or mounted before there are ids to own it.
    ...(namespaces.user ? settling.await() : []),
    ...enterNamespaces(spec, namespaces),
    ...root,
    ...mountOperations(spec, mounts, settling),
    ...compileSecrets(spec, target.secrets ?? [], { namespaces, host }),
    ...compileDevices(spec, wanted, namespaces.user),
    ...hiddenPaths(spec),
    ...workingDirectory(wanted, target),
    ...settling.take(),
    ...stops.runtime,
    ...stops.container,
    ...enterRoot(spec, target, namespaces),
    ...compileIdentity(spec, namespaces, host),
    ...compileProcess(spec, wanted, {
      field: 'process',
      host,
      user: namespaces.user,
      keyring: target.newKeyring ? `_ses.${id}` : '',
      seccomp: seccomp.load,
      reaper: target.reaper === true,
      wait: start.wait,
    }),
  ];
}
