/** A container's hooks, each kind at its moment: what it is told of the container, and where it runs. */
import { moveNetDevices } from '../../daemon/network/net-devices.ts';
import { runHooks, type ContainerHookKind, type HookKind } from '../../daemon/runtime/hooks/hooks.ts';
import { runHostHook } from '../../daemon/runtime/hooks/run-host-hook.ts';
import { stateText, type HookState } from '../../daemon/runtime/hooks/state.ts';
import { compileHook } from '../../daemon/runtime/plan/compile-hook.ts';
import type { Spec } from '../../daemon/runtime/spec/types.ts';
import type { Context } from '../command.ts';
import type { ContainerRecord } from '../container/state.ts';
import { execTarget } from './exec-target.ts';
import { runContainerHook } from './container-hook.ts';

/** The container whose hooks they are. */
export interface HookSubject {
  readonly record: ContainerRecord;
  readonly spec: Spec;
  /** Kills the hook that runs: the container is not wanted any more. */
  readonly abort?: AbortSignal | undefined;
}

function hookState(record: ContainerRecord, status: HookState['status']): string {
  const { id, pid, bundle, annotations } = record;
  return stateText({ id, status, ...(status === 'stopped' ? {} : { pid }), bundle, annotations });
}

/** Those of a kind that is run on the host. Throws HookError where a failure is the container's end. */
async function runOnHost(
  { log }: Context,
  kind: Exclude<HookKind, 'createContainer' | 'startContainer'>,
  { record, spec, abort }: HookSubject,
  status: HookState['status'],
): Promise<void> {
  if ((spec.hooks?.[kind]?.length ?? 0) === 0) return;
  const state = hookState(record, status);
  await runHooks(kind, {
    ociVersion: spec.ociVersion,
    hooks: spec.hooks,
    run: (hook) => runHostHook(hook, { state, bundle: record.bundle, signal: abort }),
    warn: (error) => log.warning(`container ${record.id}: ${error.message}`),
  });
}

/** At the first stop: network devices are moved, prestart and createRuntime hooks run. */
export async function runRuntimeHooks(context: Context, subject: HookSubject): Promise<void> {
  const devices = subject.spec.linux?.netDevices ?? {};
  if (Object.keys(devices).length > 0) moveNetDevices(devices, subject.record.pid);
  // Deprecated, and older than the word "creating".
  await runOnHost(context, 'prestart', subject, 'created');
  await runOnHost(context, 'createRuntime', subject, 'creating');
}

export async function runPoststart(context: Context, subject: HookSubject): Promise<void> {
  await runOnHost(context, 'poststart', subject, 'running');
}

export async function runPoststop(context: Context, subject: HookSubject): Promise<void> {
  await runOnHost(context, 'poststop', subject, 'stopped');
}

/** At the second stop: createContainer hooks. */
export async function runContainerHooks(context: Context, subject: HookSubject): Promise<void> {
  await runInContainer(context, 'createContainer', subject, 'creating');
}

/** While init waits to be started. */
export async function runStartContainerHooks(context: Context, subject: HookSubject): Promise<void> {
  await runInContainer(context, 'startContainer', subject, 'created');
}

/** Those of a kind that is run in the container's namespaces, each by a shim of its own. Throws HookError, SpecError. */
async function runInContainer(
  context: Context,
  kind: ContainerHookKind,
  { record, spec, abort }: HookSubject,
  status: HookState['status'],
): Promise<void> {
  if ((spec.hooks?.[kind]?.length ?? 0) === 0) return;
  const state = hookState(record, status);
  const target = execTarget(context, record, spec);
  await runHooks(kind, {
    ociVersion: spec.ociVersion,
    hooks: spec.hooks,
    run: (hook) =>
      runContainerHook(context, hook, {
        plan: context.runtime.transformPlan(compileHook(kind, spec, hook, target), 'hook'),
        state,
        abort,
      }),
    warn: (error) => context.log.warning(`container ${record.id}: ${error.message}`),
  });
}
