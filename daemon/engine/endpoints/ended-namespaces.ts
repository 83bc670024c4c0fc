/**
 * Network namespaces of containers that have ended. The kernel takes one apart for a millisecond, with the lock on all
 * network configuration that whoever starts meanwhile waits for; several at once take it hardly longer. So a descriptor
 * holds each until a pause, and then they go together.
 */
import { closeSync } from 'node:fs';

/** So many go without a pause. */
const MOST_HELD = 16;
/** No container ended for so long: a pause. */
const PAUSE_MS = 25;

export class EndedNamespaces {
  private held: number[] = [];
  private pause: NodeJS.Timeout | undefined;

  /** Takes the descriptor over. */
  hold(descriptor: number): void {
    this.held.push(descriptor);
    if (this.held.length >= MOST_HELD) {
      this.giveUp();
      return;
    }
    this.pause ??= setTimeout(() => {
      this.giveUp();
    }, PAUSE_MS).unref();
    this.pause.refresh();
  }

  /** Their links, and the addresses of those, are gone some milliseconds later. */
  giveUp(): void {
    clearTimeout(this.pause);
    this.pause = undefined;
    for (const descriptor of this.held.splice(0)) closeSync(descriptor);
  }
}
