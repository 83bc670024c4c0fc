/** One container's shim, over its control connection. */
import { NoAnswer, receiveDescriptor } from '../../native-bindings/receive-descriptor.ts';
import { openAttachment } from './attachment.ts';
import { FrameParser, encodeMessage } from './codec.ts';
import { ANSWER_DEADLINE_MS, Connection, type ConnectionOwner, type Request } from './connection.ts';
import { PROTOCOL_VERSION, START_LOG_JSON, START_STDIN_OPEN, STDIO, type Message } from './messages.ts';
import {
  ShimLost,
  ShimRefusal,
  type AttachmentOptions,
  type LaunchFailure,
  type ProcessExit,
  type ProcessStatus,
  type Shim,
  type ShimAttachment,
  type StartOutcome,
  type StartRequest,
} from './types.ts';

/** A plan may have to wait for a slow disk or a large overlay; anything else is done at once. */
const START_DEADLINE_MS = 60_000;

/** What a shim reports to its pool. */
export interface ShimWatcher {
  /** A start (of init) was answered. */
  startEnded(): void;
  /** The connection is over, for whatever reason but release(): the process will be waited for. */
  gone(shim: ConnectedShim): void;
}

export class ConnectedShim implements Shim, ConnectionOwner {
  id: string;
  path: string;
  private readonly connection: Connection;
  private readonly watcher: ShimWatcher;
  private exitListener: ((exit: ProcessExit) => void) | undefined;
  private lostListener: ((error: ShimLost) => void) | undefined;
  /** Ends of processes that came before there was a listener. */
  private unheard: ProcessExit[] | undefined;
  /** Sizes of terminals that are to be. */
  private sizes: Map<string, { readonly rows: number; readonly columns: number }> | undefined;
  private lostAs: ShimLost | undefined;
  private endExpected = false;

  /** `buffer`: see Connection. The first request, `subscribe`, is sent along with the hello. */
  constructor(path: string, id: string, watcher: ShimWatcher, buffer: Uint8Array) {
    this.id = id;
    this.path = path;
    this.watcher = watcher;
    this.connection = new Connection(path, id, this, buffer);
  }

  get pid(): number {
    return this.connection.shimPid;
  }

  /** Waits for hello and subscribes to the ends of processes. Rejects with ShimLost or ShimRefusal. */
  async ready(deadlineMs: number): Promise<void> {
    const subscribed = this.connection.request({ is: 'subscribe' }, deadlineMs);
    await Promise.all([this.connection.greeted(deadlineMs), subscribed]);
  }

  async start(request: StartRequest): Promise<StartOutcome> {
    return this.begun(request.process, async () => {
      const started = this.connection.request(startMessage(request), START_DEADLINE_MS);
      await Promise.all([started, this.passSize(request.process)]);
      return started;
    });
  }

  async go(process: string): Promise<StartOutcome> {
    return this.begun(process, () => this.connection.request({ is: 'go', process }, START_DEADLINE_MS));
  }

  /** At a stop the start has not ended: whoever acts there is not to be kept from it. */
  private async begun(process: string, ask: () => Promise<Message>): Promise<StartOutcome> {
    let outcome: StartOutcome | undefined;
    try {
      outcome = this.outcome(await ask());
      return outcome;
    } finally {
      if (process === '' && outcome?.is !== 'created') this.watcher.startEnded();
    }
  }

  async signal(process: string, signal: number): Promise<void> {
    await this.done({ is: 'signal', process, signal });
  }

  async resize(process: string, rows: number, columns: number): Promise<void> {
    await this.done({ is: 'resize', process, rows, columns });
  }

  sizeAtStart(process: string, rows: number, columns: number): void {
    (this.sizes ??= new Map()).set(process, { rows, columns });
  }

  async status(): Promise<ProcessStatus[]> {
    const answers = await this.connection.requestMany({ is: 'status' });
    return answers.filter((answer) => answer.is === 'process');
  }

  async forget(process: string): Promise<void> {
    if (process === '') await this.leave({ is: 'forget', process });
    else await this.done({ is: 'forget', process });
  }

  async shutdown(): Promise<void> {
    await this.leave({ is: 'shutdown' });
  }

  async pidfd(process: string): Promise<{ readonly fd: number; readonly pid: number }> {
    const hello = encodeMessage({ is: 'client_hello', tag: 0, version: PROTOCOL_VERSION });
    const request = Buffer.concat([hello, encodeMessage({ is: 'pidfd', tag: 1, process })]);
    let answer: Message | undefined;
    const isComplete = (bytes: Buffer): boolean => {
      answer = [...new FrameParser('shim').push(bytes)].find((message) => message.tag === 1);
      if (answer?.is === 'error') throw new ShimRefusal(answer.text, Number(answer.errno));
      return answer !== undefined;
    };
    try {
      const { fd } = await receiveDescriptor(this.path, request, isComplete, ANSWER_DEADLINE_MS);
      if (answer?.is !== 'pidfd_is' || fd === undefined)
        throw new ShimLost(`shim ${this.id} sent no descriptor`, false);
      return { fd, pid: Number(answer.pid) };
    } catch (error) {
      if (error instanceof NoAnswer) throw new ShimLost(error.message, error.timeout, { cause: error });
      throw error;
    }
  }

  attach(process: string, options: AttachmentOptions): Promise<ShimAttachment> {
    return openAttachment(this.path, process, options, ANSWER_DEADLINE_MS);
  }

  onExited(listener: (exit: ProcessExit) => void): void {
    this.exitListener = listener;
    const unheard = this.unheard;
    this.unheard = undefined;
    for (const exit of unheard ?? []) listener(exit);
  }

  onLost(listener: (error: ShimLost) => void): void {
    this.lostListener = listener;
    if (this.lostAs !== undefined && !this.endExpected) listener(this.lostAs);
  }

  release(): void {
    this.endExpected = true;
    this.connection.close();
    // it may yet end while this daemon lives
    this.watcher.gone(this);
  }

  /** Of ConnectionOwner. */
  heard(message: Message): void {
    if (message.is !== 'exited') return;
    if (this.exitListener === undefined) (this.unheard ??= []).push(message);
    else this.exitListener(message);
  }

  /** Of ConnectionOwner. */
  ended(error: ShimLost): void {
    this.lostAs = error;
    this.watcher.gone(this);
    if (!this.endExpected) this.lostListener?.(error);
  }

  /** The shim takes it while the process is being launched, and has it ready for the PTY. */
  private async passSize(process: string): Promise<void> {
    const size = this.sizes?.get(process);
    if (size === undefined) return;
    this.sizes?.delete(process);
    if (this.sizes?.size === 0) this.sizes = undefined;
    try {
      await this.resize(process, size.rows, size.columns);
    } catch (error) {
      // ignoring: a launch that failed says so itself, and without a terminal there is no size
      if (!(error instanceof ShimRefusal)) throw error;
    }
  }

  private async done(request: Request): Promise<void> {
    this.expect(await this.connection.request(request), 'ok');
  }

  /** A request after which the shim ends itself. */
  private async leave(request: Request): Promise<void> {
    this.endExpected = true;
    try {
      await this.done(request);
    } catch (error) {
      if (error instanceof ShimRefusal) this.endExpected = false;
      throw error;
    }
  }

  private outcome(answer: Message): StartOutcome {
    if (answer.is === 'failed') return { is: 'failed', failure: failureOf(answer) };
    if (answer.is === 'created' || answer.is === 'started') {
      return { is: answer.is, pid: Number(answer.pid), startTime: answer.start_time };
    }
    throw new ShimLost(`shim ${this.id}: started, created or failed expected, ${answer.is} came`, false);
  }

  private expect(answer: Message, is: Message['is']): void {
    if (answer.is !== is) throw new ShimLost(`shim ${this.id}: ${is} expected, ${answer.is} came`, false);
  }
}

function failureOf(answer: Extract<Message, { is: 'failed' }>): LaunchFailure {
  const { process, operation, step, errno, path } = answer;
  return { process, operation, step, errno, path };
}

function startMessage(request: StartRequest): Request {
  return {
    is: 'start',
    process: request.process,
    stdio: STDIO[request.stdio],
    flags: (request.stdinOpen ? START_STDIN_OPEN : 0) | (request.log?.json === true ? START_LOG_JSON : 0),
    log: request.log?.path ?? '',
    log_max_bytes: request.log?.maxBytes ?? 0,
    log_max_files: request.log?.maxFiles ?? 0,
    record: request.record ?? '',
    oom: request.oom ?? '',
    plan: request.plan,
  };
}
