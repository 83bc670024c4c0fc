/** Values of flags that are made of fields: "type=bind,source=/srv", as docker has them. */
import { UsageError } from './errors.ts';

export interface Field {
  /** In lower case. */
  readonly key: string;
  /** undefined where there is no "=". */
  readonly value: string | undefined;
}

/** `spelled`: the flag, for the message of a UsageError. */
export function parseFields(text: string, spelled: string): readonly Field[] {
  return splitFields(text, spelled).map((field) => {
    const equals = field.indexOf('=');
    return {
      key: (equals === -1 ? field : field.slice(0, equals)).toLowerCase(),
      value: equals === -1 ? undefined : field.slice(equals + 1),
    };
  });
}

/** Comma-separated, where a field in double quotes may hold commas (RFC 4180). */
function splitFields(text: string, spelled: string): readonly string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (character === ',' && !quoted) {
      fields.push(field);
      field = '';
    } else field += character;
  }
  if (quoted) throw new UsageError(`${spelled} "${text}": a quote is not closed`);
  return [...fields, field];
}
