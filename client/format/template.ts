/**
 * The part of Go's text/template that `--format` needs: fields, `json`, `join`, `upper`, `lower`, `len`, `index`,
 * `printf`-free pipelines, `if`/`else`/`end` and `range`/`end`. Names of fields match whatever their case.
 * https://pkg.go.dev/text/template
 */
import { UsageError } from '../errors.ts';

type Value = unknown;

type Term =
  | { readonly kind: 'field'; readonly path: readonly string[] }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'group'; readonly pipeline: Pipeline };

/** Calls from left to right; the result of one is the last argument of the next. */
type Pipeline = readonly (readonly Term[])[];

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'range';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

export type Template = (value: Value) => string;

/** Throws UsageError where the text is not a template; so does the template, where a value has no such field. */
export function compileTemplate(text: string): Template {
  const parser = new Parser(text.replaceAll('\\t', '\t').replaceAll('\\n', '\n'));
  const nodes = parser.nodes([]);
  return (value) => renderNodes(nodes, value);
}

/** Fields that a template names directly, with their paths joined by "."; for the head of a table. */
export function templateFields(text: string): readonly string[] {
  return [...text.matchAll(/\{\{[^}]*?\.([A-Za-z][A-Za-z0-9_.]*)[^}]*\}\}/g)].map((match) => match[1] ?? '');
}

interface Action {
  readonly text: string;
  readonly tokens: readonly string[];
}

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|`[^`]*`|\||\(|\)|\.[A-Za-z0-9_.]*|-?\d+(?:\.\d+)?|[A-Za-z_]\w*|\$)\s*/y;

class Parser {
  readonly #text: string;
  #at = 0;
  /** The action that ended the last list of nodes. */
  #terminator = '';

  constructor(text: string) {
    this.#text = text;
  }

  /** Nodes up to one of `terminators` ("end", "else"), or to the end of the text. */
  nodes(terminators: readonly string[]): readonly Node[] {
    const nodes: Node[] = [];
    while (this.#at < this.#text.length) {
      const open = this.#text.indexOf('{{', this.#at);
      if (open === -1) {
        nodes.push({ kind: 'text', text: this.#text.slice(this.#at) });
        this.#at = this.#text.length;
        break;
      }
      if (open > this.#at) nodes.push({ kind: 'text', text: this.#text.slice(this.#at, open) });
      const action = this.#action(open);
      const word = action.tokens[0] ?? '';
      if (word === 'end' || word === 'else') {
        if (!terminators.includes(word) || action.tokens.length > 1)
          throw malformed(`{{${action.text}}} is out of place`);
        this.#terminator = word;
        return nodes;
      }
      nodes.push(this.#node(action));
    }
    if (terminators.length > 0) throw malformed('{{end}} is missing');
    return nodes;
  }

  #node(action: Action): Node {
    const word = action.tokens[0];
    if (word !== 'if' && word !== 'range')
      return { kind: 'print', pipeline: parsePipeline(action.tokens, action.text) };
    const pipeline = parsePipeline(action.tokens.slice(1), action.text);
    const body = this.nodes(['else', 'end']);
    const otherwise = this.#terminator === 'else' ? this.nodes(['end']) : [];
    return { kind: word, pipeline, body, otherwise };
  }

  #action(open: number): Action {
    const close = this.#text.indexOf('}}', open);
    if (close === -1) throw malformed('"{{" without "}}"');
    this.#at = close + 2;
    const text = this.#text.slice(open + 2, close).trim();
    const tokens: string[] = [];
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.length) {
      const start = TOKEN.lastIndex;
      const token = TOKEN.exec(text)?.[1];
      if (token === undefined) throw malformed(`{{${text}}}: cannot read "${text.slice(start)}"`);
      tokens.push(token);
    }
    if (tokens.length === 0) throw malformed('{{}} is empty');
    return { text, tokens };
  }
}

function parsePipeline(tokens: readonly string[], text: string): Pipeline {
  const queue = [...tokens];
  const pipeline = readPipeline(queue, text);
  if (queue.length > 0) throw malformed(`{{${text}}}: ")" without "("`);
  return pipeline;
}

function readPipeline(queue: string[], text: string): Pipeline {
  const calls: Term[][] = [];
  let call: Term[] = [];
  for (;;) {
    const token = queue[0];
    if (token === undefined || token === ')' || token === '|') {
      if (call.length === 0) throw malformed(`{{${text}}}: a value is missing`);
      calls.push(call);
      call = [];
      if (token !== '|') return calls;
      queue.shift();
      continue;
    }
    queue.shift();
    if (token === '(') {
      const pipeline = readPipeline(queue, text);
      if (queue.shift() !== ')') throw malformed(`{{${text}}}: ")" is missing`);
      call.push({ kind: 'group', pipeline });
    } else {
      call.push(readTerm(token, text));
    }
  }
}

function readTerm(token: string, text: string): Term {
  if (token === '$') throw malformed(`{{${text}}}: variables are not supported`);
  if (token.startsWith('.')) return { kind: 'field', path: token.split('.').filter((part) => part !== '') };
  if (token.startsWith('"')) return { kind: 'literal', value: JSON.parse(token) as string };
  if (token.startsWith('`')) return { kind: 'literal', value: token.slice(1, -1) };
  if (/^-?\d/.test(token)) return { kind: 'literal', value: Number(token) };
  if (token === 'true' || token === 'false') return { kind: 'literal', value: token === 'true' };
  if (!Object.hasOwn(FUNCTIONS, token)) {
    throw malformed(`{{${text}}}: no function is called "${token}"`, `there are ${Object.keys(FUNCTIONS).join(', ')}`);
  }
  return { kind: 'function', name: token };
}

const FUNCTIONS: Readonly<Record<string, (...values: Value[]) => Value>> = {
  json: (value) => JSON.stringify(value ?? null),
  join: (list, separator) => (Array.isArray(list) ? list.map(show).join(show(separator)) : show(list)),
  upper: (value) => show(value).toUpperCase(),
  lower: (value) => show(value).toLowerCase(),
  len: (value) => sizeOf(value),
  index: (value, ...keys) => keys.reduce((inner, key) => indexed(inner, key), value),
  println: (...values) => `${values.map(show).join(' ')}\n`,
  not: (value) => !truthy(value),
  eq: (value, ...others) => others.some((other) => show(other) === show(value)),
  ne: (value, other) => show(other) !== show(value),
  and: (...values) => values.find((value) => !truthy(value)) ?? values.at(-1),
  or: (...values) => values.find(truthy) ?? values.at(-1),
};

function renderNodes(nodes: readonly Node[], value: Value): string {
  return nodes.map((node) => renderNode(node, value)).join('');
}

function renderNode(node: Node, value: Value): string {
  if (node.kind === 'text') return node.text;
  const result = evaluate(node.pipeline, value);
  if (node.kind === 'print') return show(result);
  if (node.kind === 'if') return renderNodes(truthy(result) ? node.body : node.otherwise, value);
  const items = Array.isArray(result) ? (result as Value[]) : isRecord(result) ? Object.values(result) : [];
  if (items.length === 0) return renderNodes(node.otherwise, value);
  return items.map((item) => renderNodes(node.body, item)).join('');
}

function evaluate(pipeline: Pipeline, value: Value): Value {
  let carried: Value[] = [];
  for (const [head, ...rest] of pipeline) {
    if (head === undefined) continue;
    if (head.kind === 'function') {
      const values = rest.map((term) => evaluateTerm(term, value));
      carried = [FUNCTIONS[head.name]?.(...values, ...carried)];
    } else {
      if (rest.length > 0 || carried.length > 0) throw malformed('only a function takes arguments');
      carried = [evaluateTerm(head, value)];
    }
  }
  return carried[0];
}

function evaluateTerm(term: Term, value: Value): Value {
  switch (term.kind) {
    case 'literal':
      return term.value;
    case 'group':
      return evaluate(term.pipeline, value);
    case 'function':
      return FUNCTIONS[term.name]?.();
    case 'field':
      return term.path.reduce(fieldOf, value);
  }
}

/** Absent inside something that is absent is nothing; absent in an object is a mistake, unless its keys are free. */
function fieldOf(value: Value, name: string): Value {
  if (value === undefined || value === null) return undefined;
  if (isRecord(value)) {
    if (Object.hasOwn(value, name)) return value[name];
    const key = Object.keys(value).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
    if (key !== undefined) return value[key];
    return undefined;
  }
  throw malformed(`${show(value)} has no field "${name}"`);
}

function indexed(value: Value, key: Value): Value {
  if (Array.isArray(value)) return (value as Value[])[Number(key)];
  if (isRecord(value) && Object.hasOwn(value, show(key))) return value[show(key)];
  return undefined;
}

function sizeOf(value: Value): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return isRecord(value) ? Object.keys(value).length : 0;
}

function truthy(value: Value): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'object') return sizeOf(value) > 0;
  return value !== false && value !== 0 && value !== '';
}

/** Lists and objects appear as JSON: Go's own notation of them cannot be read back. */
function show(value: Value): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'undefined':
      return '<no value>';
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
      return value === null ? '<no value>' : JSON.stringify(value);
  }
}

function isRecord(value: Value): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(what: string, hint?: string): UsageError {
  return new UsageError(`template: ${what}`, hint === undefined ? {} : { hint });
}
