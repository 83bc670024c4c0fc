/** `--format` for commands that show one row a thing: "table", "json", a template, or "table TEMPLATE". */
import { table } from './table.ts';
import { compileTemplate, templateFields } from './template.ts';

export type Row = Readonly<Record<string, unknown>>;

/** Heads of columns by the row's field. */
export type Heads = Readonly<Record<string, string>>;

/** `usual` is the template's table without a format. Throws UsageError. */
export function formatRows(rows: readonly Row[], format: string, usual: readonly string[], heads: Heads): string {
  if (format === 'json') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  if (format === '' || format === 'table') {
    const lines = rows.map((row) => usual.map((field) => text(row[field])));
    return table([usual.map((field) => heads[field] ?? field.toUpperCase()), ...lines]);
  }
  if (!/^table(\s|\\t)/.test(format)) {
    const template = compileTemplate(format);
    return rows.map((row) => `${template(row)}\n`).join('');
  }
  const source = format.replace(/^table(\s|\\t)+/, '');
  const template = compileTemplate(source);
  const head = compileHead(source, heads);
  const lines = rows.map((row) => template(row).split('\t'));
  return table([head.split('\t'), ...lines]);
}

/** The template with the heads of the columns in place of its fields. */
function compileHead(source: string, heads: Heads): string {
  return source.replaceAll('\\t', '\t').replace(/\{\{[^}]*\}\}/g, (action) => {
    const field = templateFields(action)[0] ?? '';
    const known = Object.keys(heads).find((name) => name.toLowerCase() === field.toLowerCase());
    return known === undefined ? field.toUpperCase() : (heads[known] ?? '');
  });
}

function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
