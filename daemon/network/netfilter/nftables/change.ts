/** One thing that a transaction does. The builders are in objects.ts and sets.ts. */
import type { NetfilterMessage } from '../nfnetlink.ts';

export interface Change {
  /** For messages: "add the chain forward of inet tare-0a1b2c3d". */
  readonly step: string;
  readonly messages: readonly ChangeMessage[];
}

export interface ChangeMessage extends NetfilterMessage {
  /** What of it lies `offset` bytes from the message's start, where the kernel refuses a part: "the element tcp . 80". */
  readonly partAt?: (offset: number) => string | undefined;
}
