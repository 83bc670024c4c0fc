/** Which containers wait for their next start, and when that is. */
import type { Exit } from '../../../shared/api/container.ts';
import type { Alarms } from '../alarms.ts';
import type { Container, NextStart } from '../container.ts';
import { Slots } from '../images/slots.ts';
import { followsEnd, nextDelay } from './policy.ts';

/** Automatic starts at a time: a thousand that crash in a loop leave room for what users ask for. */
const STARTS_AT_A_TIME = 4;

/** `too_early`: it joins a namespace of another container, which does not run. */
export type Tried = 'done' | 'too_early';

/** Starts it in its turn, unless `next` is no longer what it waits for. Does not throw. */
export type StartAgain = (container: Container, next: NextStart) => Promise<Tried>;

export class Restarts {
  private readonly alarms: Alarms;
  private readonly startAgain: StartAgain;
  private readonly slots = new Slots(STARTS_AT_A_TIME);
  private readonly closing = new AbortController();
  /** False until what a former daemon left is settled: whatever ends before is taken up with the rest (take-up.ts). */
  private open = false;

  constructor(alarms: Alarms, startAgain: StartAgain) {
    this.alarms = alarms;
    this.startAgain = startAgain;
  }

  /** From now on ends are followed by starts. */
  begin(): void {
    this.open = true;
  }

  /** Nothing is started any more; what waits is for the next daemon. */
  close(): void {
    this.closing.abort();
  }

  /** Its end is committed, and is not one on the way of a restart. */
  ended(container: Container, exit: Exit): void {
    const { restart, restartCount, stoppedByUser, startedAt } = container.row;
    if (!this.open || !followsEnd(restart, { exit, restartCount, stoppedByUser })) return;
    const ran = startedAt === null ? 0 : Date.parse(exit.at) - Date.parse(startedAt);
    container.restartDelay = nextDelay(container.restartDelay, ran);
    this.waitFor(container, container.restartDelay);
  }

  /** At once, where a free place is. `isNew`: it counts anew. Resolves when it was tried. */
  takeUp(container: Container, isNew: boolean): Promise<Tried> {
    const next: NextStart = { isNew, callOff: () => undefined };
    container.nextStart = next;
    return this.inPlace(container, next);
  }

  /** It waits no more, and counts anew. Whether it waited. */
  callOff(container: Container): boolean {
    const { nextStart } = container;
    container.restartDelay = undefined;
    if (nextStart === undefined) return false;
    nextStart.callOff();
    container.nextStart = undefined;
    return true;
  }

  private waitFor(container: Container, delay: number): void {
    const callOff = this.alarms.after(delay, () => {
      void this.inPlace(container, next);
    });
    const next: NextStart = { isNew: false, callOff };
    container.nextStart = next;
  }

  private async inPlace(container: Container, next: NextStart): Promise<Tried> {
    try {
      // whoever has its turn for long keeps no other from a place
      await container.turn.run(() => undefined);
      return await this.slots.run(this.closing.signal, async () => {
        // in a tick of its own: many that are due at once do not hold the loop together
        await new Promise(setImmediate);
        return this.closing.signal.aborted ? 'done' : this.startAgain(container, next);
      });
    } catch (error) {
      // ignoring that the daemon ends: the next one takes it up
      if (error !== this.closing.signal.reason) throw error;
      return 'done';
    }
  }
}
