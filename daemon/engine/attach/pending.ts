/**
 * Clients that attach to a container before it is started. Each is connected to the shim before its `start` is sent,
 * so that not a byte of the shortest life is lost.
 */
import type { AttachEnd, AttachOptions, Attachment } from '../../api/engine.ts';
import type { Shim } from '../../shim/types.ts';
import { PendingAttachment } from './pending-attachment.ts';

export interface PendingOptions extends AttachOptions {
  readonly terminal: boolean;
  /** The container's log, for `logs`. */
  readonly log?: string;
}

export class PendingAttachments {
  private readonly waiting = new Map<string, Set<PendingAttachment>>();

  /** For a container (by id) that is not running. */
  add(container: string, options: PendingOptions): Attachment {
    const attachment = new PendingAttachment(container, options, () => {
      this.drop(container, attachment);
    });
    const attachments = this.waiting.get(container) ?? new Set();
    attachments.add(attachment);
    this.waiting.set(container, attachments);
    return attachment;
  }

  /** Connects all that wait for this container; to be awaited before `start` is sent. One that cannot be is ended. */
  async attach(container: string, shim: Shim): Promise<void> {
    const attachments = this.waiting.get(container);
    if (attachments === undefined) return;
    this.waiting.delete(container);
    await Promise.all([...attachments].map((attachment) => attachment.connect(shim)));
  }

  /** The start failed before they were connected. */
  fail(container: string, message: string): void {
    this.end(container, { reason: 'start_failed', message });
  }

  /** The container is gone. */
  removed(container: string): void {
    this.end(container, { reason: 'removed', message: `container ${container.slice(0, 12)} was removed` });
  }

  /** The daemon ends. */
  close(): void {
    for (const container of [...this.waiting.keys()]) {
      this.end(container, { reason: 'closing', message: 'the daemon is shutting down' });
    }
  }

  private end(container: string, end: AttachEnd): void {
    const attachments = this.waiting.get(container);
    this.waiting.delete(container);
    for (const attachment of attachments ?? []) attachment.end(end);
  }

  private drop(container: string, attachment: PendingAttachment): void {
    const attachments = this.waiting.get(container);
    attachments?.delete(attachment);
    if (attachments?.size === 0) this.waiting.delete(container);
  }
}
