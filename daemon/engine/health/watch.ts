/** Looks after the health of a running container: probes it from time to time, and tells what they come to. */
import type { Health } from '../../../shared/api/health.ts';
import { formatTime, nowNs, nowTimestamp } from '../../../shared/time.ts';
import type { Container, Run } from '../container.ts';
import type { Context } from '../context.ts';
import { documentsOf } from '../inspect.ts';
import { execPlan, execProcess, groupOf } from '../exec/process.ts';
import type { MadeOf } from '../from-image/made-of.ts';
import { type ProbeResult, runProbe } from './probe.ts';
import { type Healthcheck, STARTING, afterProbe, untilNextProbe } from './state.ts';

const DEFAULT_SHELL = ['/bin/sh', '-c'];
const NS_PER_MS = 1e6;

/** Its start, or its adoption, is committed. It has a health check. */
export function watchHealth(context: Context, container: Container, run: Run): void {
  const { healthcheck } = container.row;
  if (healthcheck === null) return;
  const watch = new Watch(context, container, run, healthcheck);
  run.health = watch;
  watch.later();
}

class Watch {
  private readonly context: Context;
  private readonly container: Container;
  private readonly run: Run;
  private readonly check: Healthcheck;
  private readonly stopped = new AbortController();
  private callOff: () => void = () => undefined;
  /** Of the probe, for as long as init is in this control group. */
  private plan: { readonly group: string; readonly bytes: Uint8Array } | undefined;

  constructor(context: Context, container: Container, run: Run, check: Healthcheck) {
    this.context = context;
    this.container = container;
    this.run = run;
    this.check = check;
  }

  stop(): void {
    this.callOff();
    this.stopped.abort();
  }

  /** The next probe. */
  later(): void {
    const delay = untilNextProbe(this.health, this.check, this.sinceStart(Date.now()));
    this.callOff = this.context.alarms.after(delay, () => {
      this.look().catch((error: unknown) => {
        if (this.stopped.signal.aborted) return;
        this.context.log.error({ err: error, container: this.container.id }, 'the health could not be looked after');
      });
    });
  }

  private async look(): Promise<void> {
    // frozen, it could not answer
    if (this.container.row.status === 'running') await this.probe();
    if (!this.stopped.signal.aborted) this.later();
  }

  private async probe(): Promise<void> {
    const startedAt = nowNs();
    const { exitCode, output, isVoid } = await this.result();
    if (this.stopped.signal.aborted || isVoid) return;
    const probe = { startedAt: formatTime(startedAt), endedAt: nowTimestamp(), exitCode, output };
    this.now(afterProbe(this.health, probe, this.check, this.sinceStart(Number(startedAt) / NS_PER_MS)));
  }

  /** What a probe could not be begun for is what it came to. */
  private async result(): Promise<ProbeResult> {
    const { context, container, run, stopped } = this;
    try {
      const timeout = this.check.timeout / NS_PER_MS;
      return await runProbe(context, container, run, { plan: this.compiled(), timeout, signal: stopped.signal });
    } catch (error) {
      return { exitCode: -1, output: error instanceof Error ? error.message : String(error), isVoid: false };
    }
  }

  private compiled(): Uint8Array {
    const group = groupOf(this.context, this.container);
    if (this.plan?.group !== group) {
      const process = execProcess(this.context, this.container, { command: this.command() });
      this.plan = { group, bytes: execPlan(this.context, this.container, process) };
    }
    return this.plan.bytes;
  }

  private command(): string[] {
    const [kind, ...words] = this.check.test;
    if (kind !== 'CMD-SHELL') return words;
    const made = JSON.parse(documentsOf(this.context, this.container).root) as MadeOf;
    return [...(made.image?.shell ?? DEFAULT_SHELL), ...words];
  }

  /** To the registry goes what the status is and on what ground, when that changes; the probes between stay in memory. */
  private now(health: Health): void {
    const { context, container } = this;
    const isChanged = health.status !== this.health.status;
    container.change({ health });
    if (!isChanged) return;
    try {
      context.journal.commitEnd(
        (registry) => {
          registry.containers.setHealth(container.id, health);
        },
        { action: 'health_status', container: container.row, detail: health.status },
      );
    } catch (error) {
      context.log.error({ err: error, container: container.id }, 'the health could not be committed');
    }
    if (health.status === 'unhealthy' && this.check.onUnhealthy === 'restart') {
      void context.restartUnhealthy(container, this.run);
    }
  }

  private get health(): Health {
    return this.container.row.health ?? STARTING;
  }

  /** Milliseconds; a clock that went back counts as none. */
  private sinceStart(now: number): number {
    const { startedAt } = this.container.row;
    return startedAt === null ? 0 : Math.max(0, now - Date.parse(startedAt));
  }
}
