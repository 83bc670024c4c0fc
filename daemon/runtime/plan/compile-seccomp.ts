/** `linux.seccomp`: the filter, and where calls are handed to a listener, the way to it. */
import { resolve } from 'node:path';
import type { SeccompCache } from '../seccomp/cache.ts';
import { compileSeccomp } from '../seccomp/compile.ts';
import type { Spec } from '../spec/types.ts';
import { stringifyJson } from '../spec/json.ts';
import { OCI_VERSION_MAX } from '../spec/version.ts';
import { CONNECT_PURPOSES, type Operation } from './operations.ts';

/** The container as its listener is told of it: "state" of config-linux.md#the-container-process-state. */
export interface ListenerState {
  readonly id: string;
  readonly bundle: string;
  readonly status: 'creating' | 'running';
  /** Of the container's init; absent while that is the process itself. */
  readonly pid?: number;
}

export interface SeccompOperations {
  /** The shim's, before `clone`. */
  readonly connect: readonly Operation[];
  /** Init's: one operation, or none. */
  readonly load: readonly Operation[];
}

/** No text of a spec can be mistaken for it: stringifyJson escapes it. */
const GAP = '\u0000';

/** The text around each place where the pid of the process is to stand. */
function stateParts(spec: Spec, state: ListenerState): string[] {
  const metadata = spec.linux?.seccomp?.listenerMetadata ?? '';
  const text = stringifyJson({
    ociVersion: OCI_VERSION_MAX,
    fds: ['seccompFd'],
    pid: GAP,
    ...(metadata === '' ? {} : { metadata }),
    state: {
      ociVersion: OCI_VERSION_MAX,
      id: state.id,
      status: state.status,
      pid: state.pid ?? GAP,
      bundle: state.bundle,
      annotations: spec.annotations ?? {},
    },
  });
  return text.split(JSON.stringify(GAP));
}

/** @throws SpecError naming the part of the profile that cannot be */
export function compileFilter(spec: Spec, state: ListenerState, compile: SeccompCache | undefined): SeccompOperations {
  const wanted = spec.linux?.seccomp;
  if (wanted === undefined) return { connect: [], load: [] };
  const { filter, flags, notifies } = (compile ?? compileSeccomp)(wanted);
  if (!notifies) return { connect: [], load: [{ op: 'seccomp', filter, flags }] };
  const host = resolve(state.bundle, wanted.listenerPath ?? '');
  return {
    connect: [{ op: 'connect', purpose: CONNECT_PURPOSES.seccomp_listener, host }],
    load: [{ op: 'seccomp_notify', filter, flags, state: stateParts(spec, state) }],
  };
}
