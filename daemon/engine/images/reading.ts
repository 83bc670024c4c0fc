/** An upload on its way, told as it goes. */
import type { Readable } from 'node:stream';
import type { Report } from '../../api/engine.ts';

export async function* reading(stream: Readable, report: Report): AsyncGenerator<Buffer> {
  let current = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    current += piece.length;
    report({ status: 'reading', current });
    yield piece;
  }
}
