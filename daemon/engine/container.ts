/** A container in memory: its row as committed, its queue, and its present run. */
import type { Exit, MountPoint } from '../../shared/api/container.ts';
import type { ContainerRow } from '../registry/containers.ts';
import type { EndpointRow } from '../registry/endpoints.ts';
import type { PortRow } from '../registry/ports.ts';
import type { ProcessExit, Shim } from '../shim/types.ts';
import { Turn } from './turn.ts';

/** From the start of a shim to the commit of its container's exit. */
export class Run {
  readonly shim: Shim;
  /** The ends that came before the start (or the adoption) is committed; undefined from then on. */
  held: ProcessExit[] | undefined = [];
  /** The user asked for the end, by stop or restart. */
  stopAsked = false;
  /** Set once the end is being dealt with. */
  ending = false;
  /** Execs that were started and have not ended. */
  readonly execs = new Set<string>();
  /** Execs whose start is not committed, and the exit of one that has ended already. */
  readonly execsStarting = new Map<string, Exit | undefined>();
  /** Its user asked for the end, and not to have it started anew. */
  endedByUser = false;
  /** Looks after its health; absent where it has no health check. */
  health: { stop(): void } | undefined;
  /** Those whose end somebody here waits for, by name. */
  private awaited: Map<string, PromiseWithResolvers<ProcessExit>> | undefined;
  /** Settled when the poststart hooks are over; absent where there are none. */
  poststart: Promise<unknown> | undefined;
  /** A descriptor of its network namespace, where its end is to hold that for a moment (endpoints/ended-namespaces.ts). */
  network: number | undefined;
  /** What was asked of the shim and has an event that is still to be told (`beforeEnd`). */
  private readonly acts = new Set<Promise<unknown>>();
  /** Called as each exec ends. */
  execEnded: (() => void) | undefined;
  /** Resolves when the exit is committed. */
  readonly ended: Promise<void>;
  readonly end: () => void;

  constructor(shim: Shim) {
    this.shim = shim;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.ended = promise;
    this.end = () => {
      resolve(undefined);
    };
  }

  /** The next end of this process, as the shim tells of it; it is dealt with besides. Rejects where the shim is lost. */
  endOf(process: string): Promise<ProcessExit> {
    const awaited = Promise.withResolvers<ProcessExit>();
    // whoever asked may have been told of the loss otherwise, and not wait any more
    awaited.promise.catch(() => undefined);
    (this.awaited ??= new Map()).set(process, awaited);
    return awaited.promise;
  }

  /** The event of this act comes before that of the end, also where it ends meanwhile. */
  async beforeEnd<T>(act: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.acts.add(promise);
    try {
      return await act();
    } finally {
      this.acts.delete(promise);
      resolve(undefined);
    }
  }

  /** Resolves when all that was asked so far is told; undefined where that is so. */
  told(): Promise<unknown> | undefined {
    return this.acts.size === 0 ? undefined : Promise.all(this.acts);
  }

  /** Whether somebody waited for it. */
  heard(exit: ProcessExit): boolean {
    this.awaited?.get(exit.process)?.resolve(exit);
    return this.awaited?.delete(exit.process) === true;
  }

  lost(error: Error): void {
    for (const { reject } of this.awaited?.values() ?? []) reject(error);
    this.awaited = undefined;
  }
}

/** What a container waits for that its restart policy will start again. */
export interface NextStart {
  /** It counts anew. */
  readonly isNew: boolean;
  readonly callOff: () => void;
}

export interface ContainerImage {
  /** As it was asked for. */
  readonly name: string;
  /** Digest of its configuration. */
  readonly id: string;
}

export interface ContainerVolume {
  readonly name: string;
  readonly destination: string;
}

/** What never changes of it and is not in its row, as lists show it. */
export interface ContainerFacts {
  /** The network's mode was asked for by its name. */
  readonly namesMode: boolean;
  /** "80/tcp" */
  readonly exposedPorts: readonly string[];
  readonly mounts: readonly MountPoint[];
}

export type Ending =
  { readonly is: 'exited'; readonly exit: Exit } | { readonly is: 'removed'; readonly exit: Exit | null };

export class Container {
  readonly id: string;
  /** Replaced after each commit. */
  row: ContainerRow;
  readonly turn = new Turn();
  /** Its places in networks, in their order, as committed. */
  endpoints: readonly EndpointRow[] = [];
  /** What is published of it now, as committed. */
  ports: readonly PortRow[] = [];
  /** What it is made of; undefined: a directory, or a bundle. */
  image: ContainerImage | undefined;
  /** Volumes that it has, by where they are mounted. */
  volumes: readonly ContainerVolume[] = [];
  /** Absent until somebody asks (overview.ts). */
  facts: ContainerFacts | undefined;
  run: Run | undefined;
  /** Resolves when nothing of the last run is left: its shim, its control groups. */
  gone: Promise<void> = Promise.resolve();
  /** Ends the hook of it that is running. */
  hook: AbortController | undefined;
  /** The poststop hooks under way (hooks/poststop.ts). */
  poststop: Promise<void> | undefined;
  /** Its anonymous volumes go with it, as they do with one that removes itself. */
  takesVolumes = false;
  /** Set while its restart policy has it wait for its next start, and until that is done. */
  nextStart: NextStart | undefined;
  /** Milliseconds that it waited for the last one; absent: none since its user started it. */
  restartDelay: number | undefined;
  /** A restart is between its stop and its start: the end does not remove. */
  restarting = false;
  /** Told of every exit, and of the removal. */
  private readonly listeners = new Set<(ending: Ending) => void>();

  constructor(row: ContainerRow) {
    this.id = row.id;
    this.row = row;
  }

  get name(): string {
    return this.row.name;
  }

  /** Takes over what was committed. */
  change(changes: Partial<ContainerRow>): void {
    this.row = { ...this.row, ...changes };
  }

  /** Returns what ends the listening. */
  onEnding(listener: (ending: Ending) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  tell(ending: Ending): void {
    for (const listener of [...this.listeners]) listener(ending);
  }
}
