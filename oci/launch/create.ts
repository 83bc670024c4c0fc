/**
 * The making of a container, up to the moment before its program runs:
 *
 *     the id is taken → groups are made → a shim launches init → init stops where hooks or devices need it →
 *     init waits to be started → pid file and record are written
 *
 * Whatever fails on the way, what was made until then is undone.
 */
import { resolve } from 'node:path';
import { groupPathOf, prepareGroups } from '../../daemon/runtime/cgroups/live.ts';
import { hierarchies, type CgroupHost } from '../../daemon/runtime/cgroups/host.ts';
import { probeHostFacts } from '../../daemon/runtime/host-facts.ts';
import { compileStart } from '../../daemon/runtime/plan/compile-start.ts';
import { encodePlan } from '../../daemon/runtime/plan/encode.ts';
import type { Plan } from '../../daemon/runtime/plan/operations.ts';
import { stopsOf } from '../../daemon/runtime/plan/stops.ts';
import type { Spec } from '../../daemon/runtime/spec/types.ts';
import { openAttendedShim, type AttendedShim } from '../../daemon/shim/attended.ts';
import type { StartOutcome } from '../../daemon/shim/types.ts';
import { formatTime } from '../../shared/time.ts';
import type { Context } from '../command.ts';
import { destroyContainer } from '../container/destroy.ts';
import { mountsBelow, mountsSince } from '../container/host-mounts.ts';
import { makeStartPipes } from '../container/start-pipes.ts';
import {
  RECORD_VERSION,
  checkId,
  createDirectory,
  removeDirectory,
  writePlan,
  writeRecord,
  writeSpec,
  type ContainerRecord,
  type ProcessIdentity,
  type StateDirectory,
} from '../container/state.ts';
import { startTimeOf } from '../container/status.ts';
import { OciError, messageOf } from '../errors.ts';
import { readBundle, type Bundle } from './bundle.ts';
import { preservedDescriptors, type Preserved } from './descriptors.ts';
import { withEnvironment } from './environment.ts';
import { launchError } from './failure.ts';
import { runContainerHooks, runRuntimeHooks } from './hooks.ts';
import { openIdMaps } from './id-maps.ts';
import { writePidFile } from './pid-file.ts';

const NS_PER_MS = 1_000_000n;

export interface CreateRequest {
  readonly id: string;
  readonly bundle: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly noPivot: boolean;
  readonly newKeyring: boolean;
  readonly preserveDescriptors: number;
  /** The caller stays with it: init waits for `go`, and ends with the caller. */
  readonly foreground: boolean;
  /** Ends a hook that runs, and with it the creation. */
  readonly abort?: AbortSignal;
  /** Where a terminal goes that no `consoleSocket` takes; absent: such a one is refused. */
  readonly ownConsole?: () => Promise<string>;
}

export interface Created {
  readonly record: ContainerRecord;
  readonly directory: StateDirectory;
  readonly spec: Spec;
  /** The one that was run. */
  readonly plan: Plan;
  /** The caller's to close; only where it stays with the container. */
  readonly shim?: AttendedShim;
}

/** Throws OciError, SpecError, CgroupError, SystemError, ShimLost; then there is no such container. */
export async function createContainer(context: Context, request: CreateRequest): Promise<Created> {
  checkId(request.id);
  requireRoot();
  if ((context.environment.NOTIFY_SOCKET ?? '') !== '') {
    throw new OciError('NOTIFY_SOCKET is set, but what a container says of its readiness is not passed on: unset it');
  }
  const bundle = readBundle(request.bundle, (text) => context.log.warning(text));
  checkTerminal(bundle.spec, request);
  const preserved = preservedDescriptors(request.preserveDescriptors, context.environment);
  const isOurs = bundle.spec.process?.terminal === true && request.consoleSocket === undefined;
  const consoleSocket = isOurs ? await request.ownConsole?.() : request.consoleSocket && resolve(request.consoleSocket);
  const directory = createDirectory(context.root, request.id);
  const creation = new Creation(context, request, { bundle, preserved, directory, consoleSocket });
  try {
    return await creation.run();
  } catch (error) {
    await creation.undo(error);
    throw error;
  }
}

function requireRoot(): void {
  if (process.geteuid?.() !== 0) throw new OciError('tare-oci makes containers as root only');
}

function checkTerminal({ process: wanted }: Spec, { consoleSocket, ownConsole }: CreateRequest): void {
  const terminal = wanted?.terminal === true;
  if (terminal && consoleSocket === undefined && ownConsole === undefined) {
    throw new OciError('process.terminal: nobody is there to hold the terminal: name a --console-socket that takes it');
  }
  if (!terminal && consoleSocket !== undefined) {
    throw new OciError('--console-socket: the container has no terminal (process.terminal is not true)');
  }
}

interface Parts {
  readonly bundle: Bundle;
  readonly preserved: Preserved;
  readonly directory: StateDirectory;
  /** Absolute. */
  readonly consoleSocket: string | undefined;
}

/** This process, by which others see that a creation is under way. */
function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? '0' };
}

/** One that is joined may be our own. */
function hasFreshMounts({ linux }: Spec): boolean {
  return linux?.namespaces?.some(({ type, path }) => type === 'mount' && path === undefined) === true;
}

/** What the plan makes besides control groups: they are entered alike, and it is as much ours to remove. */
function resctrlGroups(plan: Plan, host: CgroupHost): string[] {
  const isCgroup = (path: string): boolean => hierarchies(host).some(({ mount }) => path.startsWith(`${mount}/`));
  return plan.flatMap((operation) =>
    operation.op === 'cgroup_make' && operation.keep === 0 && !isCgroup(operation.host) ? [operation.host] : [],
  );
}

/** Of a container whose creation is over. */
function settled(record: ContainerRecord): ContainerRecord {
  const copy: { -readonly [K in keyof ContainerRecord]: ContainerRecord[K] } = { ...record };
  delete copy.creator;
  delete copy.shim;
  return copy;
}

class Creation {
  private readonly context: Context;
  private readonly request: CreateRequest;
  private readonly bundle: Bundle;
  private readonly preserved: Preserved;
  private readonly directory: StateDirectory;
  private readonly consoleSocket: string | undefined;
  private record: ContainerRecord;
  private isRecorded = false;
  private ranHooks = false;
  private shim: AttendedShim | undefined;

  constructor(context: Context, request: CreateRequest, { bundle, preserved, directory, consoleSocket }: Parts) {
    this.context = context;
    this.request = request;
    this.bundle = bundle;
    this.preserved = preserved;
    this.directory = directory;
    this.consoleSocket = consoleSocket;
    const { spec } = bundle;
    this.record = {
      version: RECORD_VERSION,
      id: request.id,
      ociVersion: spec.ociVersion,
      bundle: bundle.directory,
      rootfs: bundle.rootfs,
      pid: 0,
      startTime: '0',
      created: formatTime(BigInt(Date.now()) * NS_PER_MS),
      owner: 'root',
      annotations: spec.annotations ?? {},
      cgroupPath: '',
      terminal: spec.process?.terminal === true,
      keyring: request.newKeyring,
      creator: ownIdentity(),
    };
  }

  async run(): Promise<Created> {
    const { spec } = this.bundle;
    writeSpec(this.directory, spec);
    this.write({ cgroupPath: groupPathOf(spec.linux?.cgroupsPath, this.request.id) });
    const { host, parents } = prepareGroups(this.context.runtime.cgroups(), this.record.cgroupPath);
    this.write({ cgroupParents: parents });

    const shim = openAttendedShim({
      ...this.context.runtime.shim,
      preserveDescriptors: this.preserved.count,
    });
    this.shim = shim;
    this.write({ shim: { pid: shim.pid, startTime: startTimeOf(shim.pid) ?? '0' } });
    const plan = await this.launch(shim, host);
    return this.finish(plan);
  }

  /** Up to the last stop. Returns the plan that was run. */
  private async launch(shim: AttendedShim, host: CgroupHost): Promise<Plan> {
    const { context, request, bundle } = this;
    const idMaps = openIdMaps(context, shim, bundle.spec);
    const plan = context.runtime.transformPlan(this.compile(host, idMaps.paths), 'init');
    const encoded = encodePlan(plan);
    const isFresh = hasFreshMounts(bundle.spec);
    this.write({
      resctrlGroups: resctrlGroups(plan, host),
      ...(isFresh ? {} : { mountsBefore: mountsBelow(bundle.rootfs) }),
    });
    if (!request.foreground) writePlan(this.directory, encoded);
    if (request.foreground) shim.subscribe();
    const stdio = this.record.terminal ? 'null' : 'inherit';
    const outcome = this.require(shim.start({ process: '', stdio, stdinOpen: false, plan: encoded }), plan);
    idMaps.close();
    const { pid, startTime } = outcome;
    this.write({ pid, startTime: String(startTime) });
    const stops = stopsOf(bundle.spec);
    if (stops.runtime) {
      this.ranHooks = true;
      await runRuntimeHooks(context, { record: this.record, spec: bundle.spec, abort: request.abort });
      this.require(shim.go(''), plan);
    }
    if (stops.container) {
      this.ranHooks = true;
      await runContainerHooks(context, { record: this.record, spec: bundle.spec, abort: request.abort });
      this.require(shim.go(''), plan);
    }
    const { mountsBefore } = this.record;
    if (mountsBefore !== undefined) this.write({ mounts: mountsSince(bundle.rootfs, mountsBefore) });
    return plan;
  }

  private compile(cgroups: CgroupHost, idMaps: ReadonlyMap<number, string>): Plan {
    const { request, bundle, preserved, record, directory } = this;
    const { spec, rootfs } = bundle;
    const wanted = spec.process && withEnvironment(spec.process, rootfs, preserved.environment);
    return compileStart(wanted === undefined ? spec : { ...spec, process: wanted }, {
      root: { kind: 'bind', source: rootfs },
      mountPoint: rootfs,
      cgroupPath: record.cgroupPath,
      cgroups,
      host: probeHostFacts(),
      bundle: bundle.directory,
      awaitGo: request.foreground,
      ...(request.foreground ? {} : { startPipe: makeStartPipes(directory) }),
      ...(this.consoleSocket === undefined ? {} : { consoleSocket: this.consoleSocket }),
      preserveDescriptors: preserved.count,
      noPivot: request.noPivot,
      newKeyring: request.newKeyring,
      // Without a mount namespace: the config says so, and what is mounted below the root is recorded and removed.
      hostMounts: true,
      id: request.id,
      idMaps,
    });
  }

  /** Every stop is a `created`: the program runs only once somebody has started it. */
  private require(outcome: StartOutcome, plan: Plan): Extract<StartOutcome, { is: 'started' | 'created' }> {
    if (outcome.is === 'failed') throw launchError(outcome.failure, plan, `container ${this.request.id}`);
    if (outcome.is === 'started') throw new OciError('the program of the container did not wait for its start');
    return outcome;
  }

  private finish(plan: Plan): Created {
    const { request, directory, shim } = this;
    const { spec } = this.bundle;
    if (!request.foreground) {
      shim?.close();
      this.shim = undefined;
    }
    const record = settled(this.record);
    if (request.pidFile !== undefined) writePidFile(request.pidFile, record.pid);
    writeRecord(directory, record);
    return { record, directory, spec, plan, ...(this.shim === undefined ? {} : { shim: this.shim }) };
  }

  private write(change: Partial<ContainerRecord>): void {
    this.record = { ...this.record, ...change };
    writeRecord(this.directory, this.record);
    this.isRecorded = true;
  }

  /** What cannot be undone is told, and left for `delete --force`. */
  async undo(cause: unknown): Promise<void> {
    this.shim?.close();
    try {
      if (this.isRecorded) await destroyContainer(this.context, settled(this.record), { poststop: this.ranHooks });
      else removeDirectory(this.context.root, this.request.id);
    } catch (error) {
      if (error === cause) return;
      this.context.log.warning(
        `container ${this.request.id} could not be removed after it failed: ${messageOf(error)}`,
      );
    }
  }
}
