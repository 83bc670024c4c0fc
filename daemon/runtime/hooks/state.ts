/** The state of a container as hooks are given it on stdin: runtime.md, "State", of runtime-spec 1.3.0. */
import { stringifyJson } from '../spec/json.ts';
import type { HookKind } from './hooks.ts';

/** The version of the specification that the state is of. */
export const STATE_VERSION = '1.3.0';

export interface HookState {
  readonly id: string;
  readonly status: 'creating' | 'created' | 'running' | 'stopped';
  /** Of init, on the host; absent where it has ended. */
  readonly pid?: number;
  /** Absolute path. */
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * What each kind is told: prestart comes after the create of the lifecycle's step 2, as crun and the validation suite
 * have it; the other two before the program's root is entered are part of the creation, as in runc.
 */
export const STATUS_AT = {
  prestart: 'created',
  createRuntime: 'creating',
  createContainer: 'creating',
  startContainer: 'created',
  poststart: 'running',
  poststop: 'stopped',
} as const satisfies Record<HookKind, HookState['status']>;

/** The JSON text. Its keys are all that the specification knows, in its order. */
export function stateText({ id, status, pid, bundle, annotations }: HookState): string {
  return stringifyJson({
    ociVersion: STATE_VERSION,
    id,
    status,
    ...(pid === undefined ? {} : { pid }),
    bundle,
    ...(annotations === undefined ? {} : { annotations }),
  });
}
