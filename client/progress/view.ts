/** Shows how pull, push and load go on. */
import type { Progress } from '../../shared/api/image.ts';
import { onInterrupt } from '../interrupt.ts';
import { ProgressBars } from './bars.ts';
import { ProgressLines } from './lines.ts';
import type { Done } from './rows.ts';

export interface ProgressView {
  take(progress: Progress): void;
  /** The last picture stays, and the cursor stands below it. */
  end(): void;
}

/** Bars where `output` is a terminal, else lines; nothing where it is undefined. `work` is given what takes the progress. */
export async function withProgress<T>(
  output: NodeJS.WriteStream | undefined,
  done: Done,
  work: (take: (progress: Progress) => void) => Promise<T>,
): Promise<T> {
  if (output === undefined) return work(() => undefined);
  const view = output.isTTY ? new ProgressBars(output, done) : new ProgressLines(output, done);
  const forget = onInterrupt(() => {
    view.end();
  });
  try {
    return await work((progress) => {
      view.take(progress);
    });
  } finally {
    forget();
    view.end();
  }
}
