/**
 * Leases: what a running pull, load or commit fetches or counts upon is not collected. The row is written before the
 * content is looked for, so that collection either sees the lease, or has taken the content before anybody looked.
 */
import { randomBytes } from 'node:crypto';
import { formatTime, nowNs, nowTimestamp } from '../../../shared/time.ts';
import type { Digest } from '../digest.ts';
import type { ContentRecords } from './records.ts';

/** How long what a failed pull fetched waits to be resumed. */
const RESUME_WITHIN_NS = 24n * 3600n * 1_000_000_000n;

export class Lease {
  readonly id = randomBytes(16).toString('hex');
  readonly purpose: string;
  private readonly records: ContentRecords;
  private readonly whenOver: () => void;
  private isOpen = true;

  /**
   * `purpose`: such as "pull docker.io/library/debian:12". What was kept of a failed attempt at the same passes to this
   * one. `whenOver`: called once, at the end.
   */
  constructor(purpose: string, records: ContentRecords, whenOver: () => void) {
    this.purpose = purpose;
    this.records = records;
    this.whenOver = whenOver;
    records.openLease(this.id, purpose, nowTimestamp());
  }

  hold(...digests: readonly Digest[]): void {
    if (!this.isOpen) throw new Error(`the lease of ${this.purpose} is over`);
    this.records.hold(this.id, digests);
  }

  /** It is done, or given up for good: what has no name by now may be collected. */
  release(): void {
    this.end(() => this.records.closeLease(this.id));
  }

  /** It failed, and may be tried again: what it has is kept for a day. */
  keep(): void {
    this.end(() => this.records.keepLease(this.id, resumableUntil()));
  }

  private end(work: () => void): void {
    if (!this.isOpen) return;
    work();
    this.isOpen = false;
    this.whenOver();
  }
}

export function resumableUntil(): string {
  return formatTime(nowNs() + RESUME_WITHIN_NS);
}
