/** What a schema wants, in words: the second half of "limits.memory must be …". */
import { KindGuard, type TInteger, type TNumber, type TSchema, type TString } from '@sinclair/typebox';

export function expectation(schema: TSchema): string {
  if (KindGuard.IsString(schema)) return expectedText(schema);
  if (KindGuard.IsInteger(schema)) return `a whole number${range(schema)}`;
  if (KindGuard.IsNumber(schema)) return `a number${range(schema)}`;
  if (KindGuard.IsBoolean(schema)) return 'true or false';
  if (KindGuard.IsLiteral(schema)) return JSON.stringify(schema.const);
  if (KindGuard.IsUnion(schema)) return [...new Set(schema.anyOf.map(expectation))].join(' or ');
  if (KindGuard.IsArray(schema)) return `a list${schema.minItems === 1 ? ' of at least one' : ''}`;
  return 'an object';
}

function expectedText(schema: TString): string {
  const { description, minLength = 0, maxLength } = schema;
  const words = description ?? 'a text';
  if (maxLength !== undefined)
    return `${words}, at ${minLength > 0 ? `least ${String(minLength)} and at ` : ''}most ${String(maxLength)} characters`;
  return minLength > 0 && description === undefined ? 'a text that is not empty' : words;
}

function range(schema: TInteger | TNumber): string {
  const { minimum, maximum, exclusiveMinimum } = schema;
  const upper = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : String(maximum);
  if (exclusiveMinimum !== undefined) {
    return ` above ${String(exclusiveMinimum)}${upper === undefined ? '' : ` and up to ${upper}`}`;
  }
  if (minimum === undefined) return upper === undefined ? '' : ` up to ${upper}`;
  return upper === undefined ? ` from ${String(minimum)}` : ` from ${String(minimum)} to ${upper}`;
}
