/**
 * The user namespaces of id-mapped mounts, for as long as a plan is launched that takes its mounts' ids from them: each is
 * held by a process in the container's own shim that does nothing else.
 */
import { compileHolder, idMapsNeeded } from '../../daemon/runtime/plan/id-maps.ts';
import { encodePlan } from '../../daemon/runtime/plan/encode.ts';
import type { Spec } from '../../daemon/runtime/spec/types.ts';
import type { AttendedShim } from '../../daemon/shim/attended.ts';
import { SIGNALS } from '../../shared/signals.ts';
import type { Context } from '../command.ts';
import { OciError } from '../errors.ts';
import { launchError } from './failure.ts';

export interface IdMaps {
  /** Index in `mounts` → path of the user namespace. */
  readonly paths: ReadonlyMap<number, string>;
  /** Lets the holders go. */
  close(): void;
}

/** Throws OciError for maps that the kernel refuses; then the shim still has holders, which end with it. */
export function openIdMaps({ runtime }: Context, shim: AttendedShim, spec: Spec): IdMaps {
  const paths = new Map<number, string>();
  const names: string[] = [];
  for (const [index, { mappings, mounts }] of idMapsNeeded(spec).entries()) {
    const plan = runtime.transformPlan(compileHolder(mappings), 'holder');
    const name = `idmap-${String(index)}`;
    const outcome = shim.start({ process: name, stdio: 'null', stdinOpen: false, plan: encodePlan(plan) });
    const what = `the holder of the id mappings of mounts[${String(mounts[0] ?? 0)}]`;
    if (outcome.is === 'failed') throw launchError(outcome.failure, plan, what);
    if (outcome.is === 'started') throw new OciError(`${what} did not wait`);
    names.push(name);
    for (const mount of mounts) paths.set(mount, `/proc/${String(outcome.pid)}/ns/user`);
  }
  return {
    paths,
    close: () => {
      for (const name of names) shim.signal(name, SIGNALS.SIGKILL);
    },
  };
}
