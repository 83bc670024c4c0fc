/** The API in words: docs/api.md and the page at /v1/docs, both from the table of routes. */
import { KindGuard, type TObject, type TSchema } from '@sinclair/typebox';
import { CLOSE, MAX_MESSAGE } from '../../shared/api/attach.ts';
import { CHANNEL, STREAM_PROTOCOL } from '../../shared/streams.ts';
import { expectation } from './expectation.ts';
import { codesOf, templateOf } from './openapi.ts';
import { MEANINGS, statusOf, type ProblemCode } from './problem.ts';
import type { Route, Tag } from './route.ts';
import { UPLOAD_TYPES } from './upload.ts';

type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** docs/api.md. */
export function documentationText(routes: readonly Route[]): string {
  return `${documentation(routes).map(toMarkdown).join('\n\n')}\n`;
}

/** The page: complete in itself, no script, nothing loaded from elsewhere. */
export function documentationPage(routes: readonly Route[], version: string): string {
  const body = documentation(routes).map(toHtml).join('\n');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>tare ${escapeHtml(version)}: API</title>
<style>${STYLE}</style></head>
<body><main>
${body}
</main></body>
</html>
`;
}

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:60rem;margin:auto;padding:1rem}
h2{margin-top:3rem}h3{margin-top:2rem;font-family:ui-monospace,monospace}table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0;border-bottom:1px solid #8884}code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{padding:.75rem;overflow-x:auto;background:#8882}`;

const TITLES: Readonly<Record<Tag, string>> = {
  containers: 'Containers',
  execs: 'Execs',
  images: 'Images',
  volumes: 'Volumes',
  networks: 'Networks',
  system: 'System',
};

function documentation(routes: readonly Route[]): Block[] {
  return [
    ...introduction(),
    ...(Object.keys(TITLES) as Tag[]).flatMap((tag) => [
      heading(2, TITLES[tag]),
      ...routes.filter((route) => route.tag === tag).flatMap(describe),
    ]),
    ...streams(),
    ...errors(),
  ];
}

function introduction(): Block[] {
  return [
    heading(1, 'The API of tare'),
    paragraph(
      'REST with JSON bodies over a unix socket, `/run/tare/tare.sock` by default. This text, the page at `/v1/docs` and the OpenAPI 3.1 document at `/v1/openapi.json` come from the schemas that validate the requests.',
    ),
    { kind: 'code', text: 'curl --unix-socket /run/tare/tare.sock http://tare/v1/containers?all=true' },
    paragraph(
      'Bodies are `application/json`, UTF-8, at most 4 MiB, nested at most 64 levels, but where a stream of bytes is said to be expected. Properties and query parameters that are not known are refused. In a query a flag is `true`, `1`, `false`, `0` or its bare name, and a list is given by repetition.',
    ),
    paragraph(
      'The name of an image stands in a path with its slashes as `%2F`: `/v1/images/ghcr.io%2Fyou%2Fapp:1`. Requests that speak to a registry for somebody take the header `X-Registry-Auth`: base64url of a JSON object with `username` and `password`, with `identitytoken`, or with `registrytoken`. It is used for the one request and kept nowhere.',
    ),
    paragraph(
      'Long work (pull, push, load, import) answers when it is done; with `Accept: application/x-ndjson` or `text/event-stream` it answers 200 at once and tells how it goes on, and the last item has the `result` or a `problem`.',
    ),
    paragraph(
      'Streams (logs, events) are newline-delimited JSON; with `Accept: text/event-stream` server-sent events; and logs, with `Accept: text/plain`, the lines as they were written. A stream that breaks off ends without its last chunk, so that half is never taken for the whole.',
    ),
  ];
}

function describe(route: Route): Block[] {
  return [
    heading(3, `${route.method} ${templateOf(route.path)}`),
    paragraph(`${route.summary}.${route.description === undefined ? '' : ` ${route.description}`}`),
    ...properties('Query', route.query),
    ...(route.upload === true ? [paragraph(`The body is a stream of bytes: ${UPLOAD_TYPES.join(', ')}.`)] : []),
    ...(route.registryAuth === true ? [paragraph('Takes the header `X-Registry-Auth`.')] : []),
    ...properties(route.bodyRequired === true ? 'Body' : 'Body (may be left out)', route.body),
    paragraph(
      `Answers ${answerOf(route)}. Problems: ${[...new Set(codesOf(route))].map((code) => `\`${code}\``).join(', ')}.`,
    ),
  ];
}

function properties(title: string, schema: TObject | undefined): Block[] {
  if (schema === undefined) return [];
  return [{ kind: 'table', head: [title, 'Value', 'Note'], rows: rowsOf(schema, '') }];
}

function rowsOf(schema: TObject, prefix: string): string[][] {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const path = prefix + name;
    const isRequired = schema.required?.includes(name) === true;
    const note = [isRequired ? 'required' : '', noteOf(property)].filter((text) => text !== '').join('; ');
    return [[`\`${path}\``, valueOf(property), note], ...nested(property, path)];
  });
}

function nested(schema: TSchema, path: string): string[][] {
  if (KindGuard.IsObject(schema)) return rowsOf(schema, `${path}.`);
  if (KindGuard.IsArray(schema) && KindGuard.IsObject(schema.items)) return rowsOf(schema.items, `${path}[].`);
  return [];
}

function valueOf(schema: TSchema): string {
  if (KindGuard.IsArray(schema)) return `a list of: ${expectation(schema.items)}`;
  if (KindGuard.IsRecord(schema)) return 'an object of texts';
  return expectation(schema);
}

/** A text's description is in its value already. */
function noteOf(schema: TSchema): string {
  return KindGuard.IsString(schema) ? '' : (schema.description ?? '');
}

function answerOf(route: Route): string {
  if (route.kind === 'socket') return '101 and the frames described below';
  if (route.kind === 'stream') return `200 and a stream of ${fieldsOf(route.item)}`;
  if (route.kind === 'download') return `200 and a stream of bytes, \`${route.contentType}\``;
  if (route.kind === 'progress') return `200 and ${fieldsOf(route.result)}`;
  if (route.method === 'HEAD') return '200 and its header alone';
  if (route.status === 204) return '204';
  if (route.schema === undefined) return `200 as \`${route.contentType ?? ''}\``;
  const fields = KindGuard.IsArray(route.schema) ? `a list of ${fieldsOf(route.schema.items)}` : fieldsOf(route.schema);
  return `${String(route.status)} and ${fields}`;
}

function fieldsOf(schema: TSchema): string {
  const names = fieldNames(schema);
  return names.length === 0 ? 'a JSON document' : `\`{${names.join(', ')}}\``;
}

function fieldNames(schema: TSchema): string[] {
  if (KindGuard.IsIntersect(schema)) return schema.allOf.flatMap(fieldNames);
  if (!KindGuard.IsObject(schema)) return [];
  return Object.keys(schema.properties).map((name) => (schema.required?.includes(name) === true ? name : `${name}?`));
}

function streams(): Block[] {
  return [
    heading(2, 'Attached streams'),
    paragraph(
      `A WebSocket with the subprotocol \`${STREAM_PROTOCOL}\`, or with none asked for. Whatever can be refused is refused before the 101, as an ordinary problem. All messages are binary; the first byte is the channel. A message of a client is at most ${String(MAX_MESSAGE / 1024)} KiB. A process is held back while its client does not read, and a client while the process does not.`,
    ),
    {
      kind: 'table',
      head: ['Channel', 'From', 'What follows the first byte'],
      rows: [
        [String(CHANNEL.stdin), 'client', 'input'],
        [String(CHANNEL.stdout), 'daemon', 'output; of a terminal all of it'],
        [String(CHANNEL.stderr), 'daemon', 'output'],
        [String(CHANNEL.status), 'daemon', 'once, as the last: JSON as below'],
        [String(CHANNEL.resize), 'client', '`{"Width": columns, "Height": rows}`'],
        [String(CHANNEL.close), 'client', 'the byte 0: the input is at its end'],
      ],
    },
    paragraph(
      'The status is `{"metadata": {}, "status": "Success"}` after an exit with 0, and otherwise `Failure` with a `reason`: `NonZeroExitCode` (the code is the message of the cause `ExitCode`, a signal\'s name that of the cause `Signal`), `UnknownExit`, `StartFailed`, or `Detached` (the client was let go, the process runs on).',
    ),
    {
      kind: 'table',
      head: ['Close code', 'When'],
      rows: [
        [String(CLOSE.normal), 'the process ended or could not start, or the container was removed'],
        [String(CLOSE.goingAway), 'the daemon goes down; the process runs on'],
        [String(CLOSE.protocol), 'a message that is text, empty, for an unknown channel, or a malformed resize'],
        [String(CLOSE.slow), 'the client reads too slowly; the process runs on'],
        [String(CLOSE.tooBig), 'a message that is too large'],
        [String(CLOSE.lost), 'the supervisor of the process was lost'],
      ],
    },
  ];
}

function errors(): Block[] {
  const codes = Object.keys(MEANINGS) as ProblemCode[];
  return [
    heading(2, 'Problems'),
    paragraph(
      'An error is a document of type `application/problem+json` (RFC 9457): `type` (`urn:tare:problem:` and the code), `title`, `status`, `detail` in words, `code`, and where they apply `field` (such as `mounts[0].target`), `hint`, and `operation`, the step of a launch that failed: `{index, name, step, errno, path}`.',
    ),
    {
      kind: 'table',
      head: ['Status', 'Code', 'Meaning'],
      rows: codes.map((code) => [String(statusOf(code)), `\`${code}\``, MEANINGS[code]]),
    },
  ];
}

function heading(level: 1 | 2 | 3, text: string): Block {
  return { kind: 'heading', level, text };
}

function paragraph(text: string): Block {
  return { kind: 'paragraph', text };
}

function toMarkdown(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${block.text}`;
    case 'paragraph':
      return block.text;
    case 'code':
      return `\`\`\`sh\n${block.text}\n\`\`\``;
    case 'table':
      return [block.head, block.head.map(() => '---'), ...block.rows]
        .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
        .join('\n');
  }
}

function toHtml(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h${String(block.level)}>${escapeHtml(block.text)}</h${String(block.level)}>`;
    case 'paragraph':
      return `<p>${inline(block.text)}</p>`;
    case 'code':
      return `<pre>${escapeHtml(block.text)}</pre>`;
    case 'table':
      return `<table>${row('th', block.head)}${block.rows.map((cells) => row('td', cells)).join('')}</table>`;
  }
}

function row(tag: 'th' | 'td', cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<${tag}>${inline(cell)}</${tag}>`).join('')}</tr>`;
}

/** Escaped, with `code` between back-ticks. */
function inline(text: string): string {
  return escapeHtml(text).replace(/`([^`]*)`/g, '<code>$1</code>');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
