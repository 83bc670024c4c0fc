/** Labels of the build's own: one more instruction at the end, as Docker's builder has it. */
import type { Dockerfile, Escape } from './dockerfile.ts';

/** `labels`: "key=value" or "key". */
export function withLabels(dockerfile: Dockerfile, labels: readonly string[]): Dockerfile {
  if (labels.length === 0) return dockerfile;
  const { escape, instructions } = dockerfile;
  const rest = labels.map((label) => pairText(label, escape)).join(' ');
  const line = (instructions.at(-1)?.line ?? 0) + 1;
  const added = { keyword: 'LABEL', flags: [], rest, text: `LABEL ${labels.join(' ')}`, line, heredocs: [] };
  return { escape, instructions: [...instructions, added] };
}

function pairText(label: string, escape: Escape): string {
  const equals = label.indexOf('=');
  const [key, value] = equals === -1 ? [label, ''] : [label.slice(0, equals), label.slice(equals + 1)];
  return `${quoted(key, escape)}=${quoted(value, escape)}`;
}

function quoted(text: string, escape: Escape): string {
  const plain = text.replaceAll(escape, `${escape}${escape}`).replaceAll('"', `${escape}"`).replaceAll('$', `${escape}$`);
  return `"${plain}"`;
}
