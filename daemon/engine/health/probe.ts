/**
 * One probe: a further process of the container, started in its shim as an exec is, but known to nobody else. It costs no
 * row and no event; what it writes is read up to a bound.
 */
import { randomBytes } from 'node:crypto';
import { formatDuration } from '../../../shared/units.ts';
import { SIGNALS } from '../../../shared/signals.ts';
import type { ShimAttachment } from '../../shim/types.ts';
import type { Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
import { shimError } from '../kill.ts';
import { launchError } from '../launch-error.ts';
import { PROBE_PREFIX } from '../process-names.ts';
import { forgetProbe } from './forget.ts';

const OUTPUT_MAX = 4096;

export interface ProbeResult {
  /** -1: it did not end in time, or could not be begun. */
  readonly exitCode: number;
  readonly output: string;
  /** Its time was over while it was frozen: it says nothing. */
  readonly isVoid: boolean;
}

export interface Probe {
  readonly plan: Uint8Array;
  /** Milliseconds that it has, from when it runs. */
  readonly timeout: number;
  /** Aborted: the container is stopped, and nobody waits for the probe. */
  readonly signal: AbortSignal;
}

/** Throws what it could not be begun for; the signal's reason, where that comes first. */
export async function runProbe(context: Context, container: Container, run: Run, probe: Probe): Promise<ProbeResult> {
  const name = `${PROBE_PREFIX}${randomBytes(8).toString('hex')}`;
  const ended = run.endOf(name);
  const output = new Output();
  await context.probing.run(probe.signal, () => begin(container, run, { name, plan: probe.plan }, output));
  try {
    const end = await within(context, probe, ended);
    if (end !== undefined) {
      await unlessAborted(probe.signal, output.ended);
      return { exitCode: Number(end.code), output: output.text(), isVoid: false };
    }
    // it dies as soon as it is thawed
    const isVoid = container.row.status === 'paused';
    await kill(run, name);
    await unlessAborted(probe.signal, ended);
    const said = output.text();
    const message = `Health check exceeded timeout (${formatDuration(probe.timeout)})`;
    return { exitCode: -1, output: said === '' ? message : `${message}: ${said}`, isVoid };
  } finally {
    output.close();
    // what a stopped container leaves goes with its shim
    if (!probe.signal.aborted) forgetProbe(context, container, run, name);
  }
}

async function begin(
  container: Container,
  { shim }: Run,
  { name, plan }: { readonly name: string; readonly plan: Uint8Array },
  output: Output,
): Promise<void> {
  const options = { stdin: false, stdout: true, stderr: true, closeStdin: false, cutWhenSlow: false };
  try {
    // before the start, so that nothing is missed
    output.of(await shim.attach(name, options));
    const outcome = await shim.start({ process: name, stdio: 'pipes', stdinOpen: false, plan });
    if (outcome.is === 'failed') throw launchError(outcome.failure, plan, 'the health check');
  } catch (error) {
    output.close();
    throw shimError(error, container);
  }
}

/** undefined: the time is over. */
async function within<T>(context: Context, { timeout, signal }: Probe, ended: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const callOff = context.alarms.after(timeout, () => {
    resolve(undefined);
  });
  try {
    return await unlessAborted(signal, Promise.race([ended, promise]));
  } finally {
    callOff();
  }
}

async function kill({ shim }: Run, name: string): Promise<void> {
  try {
    await shim.signal(name, SIGNALS.SIGKILL);
  } catch {
    // ignoring: it has ended meanwhile, or its shim is gone, which is told otherwise
  }
}

/** Throws the signal's reason where it is aborted first. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => {
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The first of what a probe writes, to either stream; the rest is let go by. */
class Output {
  /** Nothing more comes. */
  readonly ended: Promise<void>;
  private readonly end: () => void;
  private readonly chunks: Buffer[] = [];
  private length = 0;
  private attachment: ShimAttachment | undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.ended = promise;
    this.end = () => {
      resolve(undefined);
    };
  }

  of(attachment: ShimAttachment): void {
    this.attachment = attachment;
    attachment.begin({
      output: (_stream, bytes) => {
        this.take(bytes);
        return true;
      },
      end: this.end,
    });
  }

  text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  close(): void {
    this.attachment?.close();
    this.end();
  }

  private take(bytes: Buffer): void {
    const left = OUTPUT_MAX - this.length;
    if (left <= 0) return;
    // a copy: what is read shares its memory with what is read next
    this.chunks.push(Buffer.from(bytes.subarray(0, left)));
    this.length += Math.min(left, bytes.length);
    // without a reader the shim throws it away itself
    if (this.length >= OUTPUT_MAX) this.close();
  }
}
