/** Watches over one exchange with a registry: ends it when the caller wants, or when the other side is silent too long. */
import { networkFailure, RegistryFailure } from './failure.ts';
import type { RegistryLimits } from './limits.ts';

/**
 * A time limit in steps. Where this process was held up for long, one step is lost and not all of the time: what came
 * meanwhile is looked at before anybody is blamed.
 */
class Countdown {
  private static readonly steps = 10;
  private timer: NodeJS.Timeout | undefined;
  private step = 0;
  private left = 0;
  private started = 0;
  private onEnd: (() => void) | undefined;

  start(milliseconds: number, onEnd: () => void): void {
    clearTimeout(this.timer);
    this.step = milliseconds / Countdown.steps;
    this.left = Countdown.steps;
    this.started = performance.now();
    this.onEnd = onEnd;
    this.arm();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Milliseconds since the start, of those that count. */
  get elapsed(): number {
    return Math.min(performance.now() - this.started, (Countdown.steps - this.left + 1) * this.step);
  }

  private arm(): void {
    this.timer = setTimeout(() => {
      this.left--;
      if (this.left > 0) this.arm();
      else this.onEnd?.();
    }, this.step);
  }
}

export class Watch {
  private readonly controller = new AbortController();
  private readonly url: URL;
  private readonly limits: RegistryLimits;
  private readonly caller: AbortSignal | undefined;
  private readonly onAbort: () => void;
  private readonly whole = new Countdown();
  private readonly current = new Countdown();
  private failure: RegistryFailure | undefined;
  /** Milliseconds waited, and bytes moved, since enough of them moved last. */
  private waited = 0;
  private moved = 0;
  private isClosed = false;

  constructor(url: URL, limits: RegistryLimits, caller: AbortSignal | undefined) {
    this.url = url;
    this.limits = limits;
    this.caller = caller;
    this.onAbort = () => {
      this.controller.abort(caller?.reason);
    };
    if (caller?.aborted === true) this.onAbort();
    else caller?.addEventListener('abort', this.onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** For the exchange as a whole, from now. */
  limitWhole(): void {
    this.endAfter(this.whole, this.limits.documentTimeout, 'its answer took too long');
  }

  /** The request is sent; its answer's header is waited for. */
  awaitAnswer(): void {
    this.endAfter(this.current, this.limits.answerTimeout, 'it does not answer');
  }

  /** Bytes are waited for, or waited for to be taken. */
  awaitBytes(): void {
    this.endAfter(this.current, Math.max(0, this.limits.stallTimeout - this.waited), 'it has gone silent');
  }

  /** Some moved; now the time is ours. */
  took(bytes: number): void {
    this.rest();
    this.waited += this.current.elapsed;
    this.moved += bytes;
    if (this.moved < this.limits.stallBytes) return;
    this.waited = 0;
    this.moved = 0;
  }

  /** Nothing of the other side is waited for. */
  rest(): void {
    this.current.stop();
  }

  /** The exchange is over. */
  close(): void {
    this.isClosed = true;
    this.rest();
    this.whole.stop();
    this.caller?.removeEventListener('abort', this.onAbort);
  }

  /** What to throw for what the exchange threw: the caller's reason, what was waited for in vain, or the network's failure. */
  explain(error: unknown): unknown {
    if (this.failure !== undefined) return this.failure;
    if (this.caller?.aborted === true) return this.caller.reason;
    return networkFailure(error, this.url);
  }

  private endAfter(countdown: Countdown, milliseconds: number, problem: string): void {
    // An upload's source may end later than its exchange.
    if (this.isClosed) return;
    countdown.start(milliseconds, () => {
      const message = `${this.url.host}: ${problem}`;
      this.failure ??= new RegistryFailure('registry_unreachable', message, { isTransient: true });
      this.controller.abort(this.failure);
    });
  }
}
