import { createInterface } from 'node:readline/promises';

/** Asks on stderr; "y" and "yes" are the only answers that mean yes, and so is the end of the input none. */
export async function confirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin });
  process.stderr.write(`${question} [y/N] `);
  try {
    for await (const line of lines) return /^(y|yes)$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}
