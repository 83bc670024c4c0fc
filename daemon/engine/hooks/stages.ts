/** The hooks of one start, and what else others do to a container that is half made. */
import { moveNetDevices } from '../../network/net-devices.ts';
import { type ContainerHookKind, type HookKind, type HookRun, HookError, runHooks } from '../../runtime/hooks/hooks.ts';
import { STATUS_AT, type HookState, stateText } from '../../runtime/hooks/state.ts';
import { compileHook } from '../../runtime/plan/compile-hook.ts';
import { namespaceFlags } from '../../runtime/plan/compile-namespaces.ts';
import type { Plan } from '../../runtime/plan/operations.ts';
import type { ExecTarget } from '../../runtime/plan/target.ts';
import type { Hook, Spec } from '../../runtime/spec/types.ts';
import { cgroupOf } from '../cgroup-parent.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { requestError } from '../spec-error.ts';
import { containerHook } from './container-hook.ts';
import { hostHook, openAbort } from './host-hook.ts';
import { hookBundle } from './poststop.ts';
import type { Shim } from '../../shim/types.ts';

export class Stages {
  private readonly context: Context;
  private readonly subject: Container;
  private readonly shim: Shim;
  private readonly spec: Spec;
  private readonly bundle: string;

  constructor(context: Context, container: Container, shim: Shim, spec: Spec) {
    this.context = context;
    this.subject = container;
    this.shim = shim;
    this.spec = spec;
    this.bundle = hookBundle(context, container);
  }

  /** Mounted, the host's root not left: network devices, prestart, createRuntime. `pid`: of init, here and below. */
  async runtime(pid: number): Promise<void> {
    this.moveDevices(pid);
    await this.onHost('prestart', pid);
    await this.onHost('createRuntime', pid);
  }

  /** At the same point, from within. */
  async container(pid: number): Promise<void> {
    await this.inContainer('createContainer', pid);
  }

  /** All is done but execve. */
  async start(pid: number): Promise<void> {
    await this.inContainer('startContainer', pid);
  }

  /** The program runs, or ran. */
  async poststart(pid: number): Promise<void> {
    await this.onHost('poststart', pid);
  }

  private moveDevices(pid: number): void {
    const devices = this.spec.linux?.netDevices;
    if (devices === undefined) return;
    try {
      moveNetDevices(devices, pid);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new EngineError('launch_failed', `cannot start ${this.subject.name}: ${reason}`, { cause: error });
    }
  }

  private state(kind: HookKind, pid: number): HookState {
    return {
      id: this.subject.id,
      status: STATUS_AT[kind],
      pid,
      bundle: this.bundle,
      annotations: this.spec.annotations,
    };
  }

  /** Throws `hook_failed`. */
  private async run(kind: HookKind, run: HookRun['run']): Promise<void> {
    const { ociVersion, hooks } = this.spec;
    const warn = (error: HookError): void => {
      this.context.log.warn(
        { err: error, container: this.subject.id },
        `ignoring that a hook failed: ${error.message}`,
      );
    };
    try {
      await runHooks(kind, { ociVersion, hooks, run, warn });
    } catch (error) {
      if (!(error instanceof HookError)) throw error;
      throw new EngineError('hook_failed', `cannot start ${this.subject.name}: ${error.message}`, { cause: error });
    }
  }

  private async onHost(kind: HookKind, pid: number): Promise<void> {
    const state = this.state(kind, pid);
    await this.run(kind, (hook) => hostHook(this.context, this.subject, hook, { kind, state }));
  }

  private async inContainer(kind: ContainerHookKind, pid: number): Promise<void> {
    const state = stateText(this.state(kind, pid));
    await this.run(kind, async (hook) => {
      const plan = this.compile(kind, hook, pid);
      const abort = openAbort(this.context, this.subject);
      try {
        return await containerHook(this.shim, hook, { plan, state, signal: abort.signal });
      } finally {
        abort.close();
      }
    });
  }

  private compile(kind: ContainerHookKind, hook: Hook, pid: number): Plan {
    const { context, subject: container, spec } = this;
    const target: ExecTarget = {
      namespaces: namespaceFlags(spec),
      userNamespace: spec.linux?.namespaces?.some(({ type }) => type === 'user') ?? false,
      cgroupPath: cgroupOf(context, container.id),
      cgroups: context.cgroups,
      host: context.hostFacts,
      container: { id: container.id, bundle: this.bundle, pid },
      keyring: `_ses.${container.id}`,
      seccomp: context.seccomp,
    };
    try {
      return compileHook(kind, spec, hook, target);
    } catch (error) {
      throw requestError(error);
    }
  }
}
