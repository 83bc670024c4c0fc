/** A pool of shims that do what a test says, with the contract of daemon/shim/types.ts. */
import { ShimRefusal, type ProcessExit, type ProcessStatus } from '../../../daemon/shim/types.ts';
import {
  ShimLost,
  type Shim,
  type ShimAttachment,
  type ShimPool,
  type StartOutcome,
  type StartRequest,
} from '../../../daemon/shim/types.ts';

export class ScriptedShim implements Shim {
  readonly id: string;
  readonly pid = 7;
  readonly started: StartRequest[] = [];
  readonly signals: number[] = [];
  readonly forgotten: string[] = [];
  isShutDown = false;
  isReleased = false;
  processes: ProcessStatus[] = [];
  /** What `start` answers. */
  onStart: (request: StartRequest) => StartOutcome | Promise<StartOutcome> = () => ({
    is: 'started',
    pid: 4242,
    startTime: 99,
  });
  onSignal: (signal: number) => void = () => undefined;
  private exitListener: ((exit: ProcessExit) => void) | undefined;
  private lostListener: ((error: ShimLost) => void) | undefined;

  constructor(id: string) {
    this.id = id;
  }

  async start(request: StartRequest): Promise<StartOutcome> {
    this.started.push(request);
    return this.onStart(request);
  }

  go(): Promise<StartOutcome> {
    return Promise.reject(new ShimRefusal('nothing is created', 0));
  }

  signal(_process: string, signal: number): Promise<void> {
    this.signals.push(signal);
    this.onSignal(signal);
    return Promise.resolve();
  }

  resize(): Promise<void> {
    return Promise.reject(new ShimRefusal('no terminal', 25));
  }

  sizeAtStart(): void {
    return;
  }

  status(): Promise<ProcessStatus[]> {
    return Promise.resolve(this.processes);
  }

  forget(process: string): Promise<void> {
    this.forgotten.push(process);
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    this.isShutDown = true;
    return Promise.resolve();
  }

  pidfd(): Promise<{ fd: number; pid: number }> {
    return Promise.reject(new ShimRefusal('no such process', 3));
  }

  attach(): Promise<ShimAttachment> {
    return Promise.reject(new ShimRefusal('no such process', 3));
  }

  onExited(listener: (exit: ProcessExit) => void): void {
    this.exitListener = listener;
  }

  onLost(listener: (error: ShimLost) => void): void {
    this.lostListener = listener;
  }

  release(): void {
    this.isReleased = true;
  }

  exit(code: number, given: Partial<ProcessExit> = {}): void {
    this.exitListener?.({ process: '', code, signal: 0, ended_at: 1_700_000_000_000_000_001n, oom_kills: 0, ...given });
  }

  lose(): void {
    this.lostListener?.(new ShimLost(`shim ${this.id} is gone`, false));
  }
}

export class ScriptedPool implements ShimPool {
  /** Those that outlived the last daemon. */
  readonly alive = new Map<string, ScriptedShim>();
  readonly opened: ScriptedShim[] = [];
  readonly discarded: string[] = [];
  /** Called with each shim before it is handed out. */
  prepare: (shim: ScriptedShim) => void = () => undefined;

  open(id: string): Promise<Shim> {
    const shim = new ScriptedShim(id);
    this.prepare(shim);
    this.opened.push(shim);
    return Promise.resolve(shim);
  }

  adopt(id: string): Promise<Shim | undefined> {
    return Promise.resolve(this.alive.get(id));
  }

  listed(): Promise<string[]> {
    return Promise.resolve([...this.alive.keys()]);
  }

  discard(id: string): Promise<void> {
    this.discarded.push(id);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export function runningInit(given: Partial<ProcessStatus> = {}): ProcessStatus {
  return {
    process: '',
    state: 1,
    pid: 4242,
    start_time: 99,
    terminal: 0,
    code: 0,
    signal: 0,
    ended_at: 0,
    oom_kills: 0,
    ...given,
  };
}
