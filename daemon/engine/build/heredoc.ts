/** Documents inside of a Dockerfile: "RUN <<EOF", and lines up to one that is EOF. */

export interface Heredoc {
  readonly name: string;
  /** "<<-": without the tabs before its lines. */
  readonly chomp: boolean;
  /** Its lines, each with its end; before they were read "". */
  readonly content: string;
}

const WORD = /^\d*<<(-?)(["']?)([A-Za-z_][A-Za-z0-9_.-]*)\2$/;

/** Those that a line announces; of instructions that know none: nothing. */
export function heredocsOf({ keyword, rest }: { readonly keyword: string; readonly rest: string }): Heredoc[] {
  if (!['RUN', 'COPY', 'ADD'].includes(keyword) || !rest.includes('<<')) return [];
  return rest.split(/\s+/).flatMap((word) => {
    const [, dash, , name] = WORD.exec(word) ?? [];
    return name === undefined ? [] : [{ name, chomp: dash === '-', content: '' }];
  });
}

/** What a RUN is for the shell: the line and its documents; of "RUN <<EOF" alone the document itself. */
export function shellText(rest: string, heredocs: readonly Heredoc[]): string {
  const [first] = heredocs;
  if (first === undefined) return rest;
  if (heredocs.length === 1 && WORD.test(rest)) return first.content;
  return `${rest}\n${heredocs.map(({ content, name }) => `${content}${name}\n`).join('')}`;
}
