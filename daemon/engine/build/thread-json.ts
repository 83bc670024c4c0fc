/** What a job of a thread gives, where that is JSON. */
import { EngineError } from '../errors.ts';
import type { Working } from '../files/thread.ts';

/** Throws as Working.done, and `internal` for more than `most` bytes. */
export async function jsonOf(work: Pick<Working, 'pieces'>, most: number): Promise<unknown> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of work.pieces()) {
    length += piece.length;
    if (length > most) throw new EngineError('internal', 'a thread says more than it should');
    pieces.push(piece);
  }
  return JSON.parse(Buffer.concat(pieces).toString());
}
