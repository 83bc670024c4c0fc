/** The fenced blocks of a page: what its reader would type, or load. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const top = join(import.meta.dirname, '../..');

export interface Block {
  /** The heading that it stands under. */
  readonly heading: string;
  readonly text: string;
}

/** Those of one language, such as "sh". `page`: a path in the repository. */
export function blocksOf(page: string, language: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  let lines: string[] | undefined;
  for (const line of readFileSync(join(top, page), 'utf8').split('\n')) {
    if (lines !== undefined) {
      if (line === '```') {
        blocks.push({ heading, text: lines.join('\n') });
        lines = undefined;
      } else lines.push(line);
    } else if (line === `\`\`\`${language}`) lines = [];
    else if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
  }
  return blocks;
}
