/**
 * Errors on the wire: every error a client can meet, its status and what it means, in one place. The engine's errors
 * are classed by meaning (daemon/engine/errors.ts); a class has one status, and the few codes that HTTP has a status
 * of its own for have that. Errors that only exist at this edge are below.
 */
import type { ErrorClass, Problem } from '../../shared/api/problem.ts';
import { ERROR_CODES, EngineError, type ErrorCode } from '../engine/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

const STATUS_OF_CLASS: Readonly<Record<ErrorClass, number>> = {
  not_found: 404,
  conflict: 409,
  invalid_input: 400,
  precondition: 422,
  unavailable: 503,
  /** A registry, which is not us: what it says is passed on. */
  upstream: 502,
  kernel: 500,
  internal: 500,
};

/**
 * `launch_failed` is of class kernel, as it is the kernel that refused a step of the plan; but what the step asked for
 * (a missing mount source, a working directory that is not there) came from the client, who alone can put it right.
 */
const STATUS_OF_CODE: Readonly<Partial<Record<ErrorCode, number>>> = {
  body_too_large: 413,
  launch_failed: 422,
  registry_unauthorized: 401,
  registry_access_denied: 403,
  registry_rate_limited: 429,
};

/** What goes wrong before the engine is asked. */
export const EDGE_CODES = {
  route_not_found: 404,
  method_not_allowed: 405,
  unsupported_media_type: 415,
  upgrade_required: 426,
  origin_not_allowed: 403,
  invalid_request: 400,
  request_timeout: 408,
  headers_too_large: 431,
} as const satisfies Record<string, number>;
export type EdgeCode = keyof typeof EDGE_CODES;
export type ProblemCode = ErrorCode | EdgeCode;

/** For the documentation: one sentence a code. */
export const MEANINGS: Readonly<Record<ProblemCode, string>> = {
  container_not_found: 'No container has this id, beginning of an id, or name.',
  exec_not_found: 'No exec has this id.',
  network_not_found: 'No network has this id, beginning of an id, or name.',
  image_not_found: 'No image has this name, id, or beginning of an id; or the registry has no such repository or tag.',
  blob_not_found: 'A manifest names content that is not there.',
  no_such_platform: 'The image is not there for the platform; `detail` says for which it is.',
  volume_not_found: 'No volume has this name.',
  path_not_found: 'There is nothing at this path in the container.',
  ambiguous_reference: 'The beginning of an id fits more than one.',
  name_taken: 'Another container, or another network, has this name.',
  address_taken: 'The address is that of another container.',
  port_taken: 'A port of the host is taken, by another container or a program of the host; `detail` names it.',
  subnet_overlap:
    'The subnet overlaps that of another network, or a route or an address of the host; `detail` says which.',
  network_in_use: 'Containers have a place in the network; `detail` names them.',
  default_network: 'The default network cannot be removed.',
  image_in_use: 'Containers are made of the image, or it has several names; `detail` names them.',
  volume_in_use: 'Containers have the volume; `detail` names them.',
  path_is_busy:
    'A directory cannot be put in place of a file, a file in place of a directory, or anything where something is mounted.',
  path_read_only: 'The container has it mounted read-only.',
  already_connected: 'The container has a place in the network already.',
  not_connected: 'The container has no place in the network.',
  container_running: 'The container runs, and this needs one that does not.',
  container_not_running: 'The container does not run, and this needs one that does.',
  container_paused: 'The container is paused; resume it first.',
  container_not_paused: 'Only a paused container can be resumed.',
  container_busy: 'Another request is changing this container; try again when it is done.',
  container_removing: 'The container is being removed.',
  container_restarting: 'The container has ended and waits for its next start, as its restart policy says.',
  exec_already_started: 'An exec starts once; create another.',
  exec_not_running: 'The exec has not started or has ended.',
  not_a_terminal: 'The process has no terminal, so there is nothing to resize.',
  invalid_field: 'A field, query parameter or path parameter has a value that is not allowed; `field` names it.',
  unknown_property: 'A field or query parameter is not known; `field` names it.',
  invalid_json: 'The body is not a JSON object, or nests deeper than 64 levels, or names something twice.',
  body_too_large: 'The body is larger than 4 MiB.',
  dockerfile_invalid: 'The Dockerfile is not one; `detail` names the line.',
  invalid_reference: 'The text is not the name of an image.',
  archive_invalid: 'The body is not a sound archive of the kind that is expected.',
  not_a_directory: 'The path in the container is not a directory.',
  manifest_invalid: 'A manifest, index or image configuration is not what the specifications allow.',
  image_unsupported: 'The image is well-formed, and of a kind that cannot be run or unpacked.',
  media_type_mismatch: 'Two sources tell different media types for the same content.',
  digest_mismatch: 'Content is not what its digest says; nothing of it was kept.',
  size_mismatch: 'There is less or more of the content than its descriptor says; nothing of it was kept.',
  image_too_large: 'Content is beyond a bound; `detail` says which.',
  layer_invalid: 'A layer is not a sound archive, or holds what must not be unpacked.',
  registry_unauthorized: 'The registry wants other credentials, or some.',
  registry_access_denied: 'The registry knows who asks, and does not allow it.',
  registry_rate_limited: 'The registry asks to come back later than the daemon is ready to wait.',
  registry_unreachable: 'The registry cannot be connected to, its certificate is not trusted, or it went silent.',
  registry_failed: 'The registry answered with an error of its own, again and again.',
  registry_invalid: 'The answer of the registry is not one of the distribution specification.',
  redirect_refused: 'The registry sent us too far, or where we do not go.',
  store_damaged: 'What lies in the store is not what was put there; `POST /v1/system/check` says more.',
  unsupported: 'What is asked for is not built.',
  no_network_of_its_own:
    'The container has no network namespace of its own (mode none, host, container: or ns:), so it cannot be connected.',
  host_lacks_feature: 'This host cannot do what is asked for; `GET /v1/info` lists what it can.',
  command_not_found: 'The command is not in the container (the CLI exits with 127).',
  command_not_executable: 'The command is there and cannot be run (the CLI exits with 126).',
  build_failed: 'A step of a build failed; `detail` says which, and how.',
  hook_failed: 'A hook of the container failed; `detail` says which, and how.',
  launch_failed: 'A step of the launch failed; `operation` says which, with errno and path.',
  kernel_refused: 'The kernel refused a system call; `detail` says which.',
  disk_full: 'No space is left where the daemon keeps its files.',
  pool_exhausted: 'No subnet of the pools, or no address of the network, is free.',
  shim_unreachable: 'The process that supervises the container does not answer.',
  shutting_down: 'The daemon is going down.',
  internal: "A fault in tare itself; the daemon's log has the cause.",
  route_not_found: 'There is nothing at this path.',
  method_not_allowed: 'The path exists, with other methods; the header `Allow` lists them.',
  unsupported_media_type: 'The body is not of a media type that is taken here; `hint` says which are.',
  upgrade_required: 'This path speaks WebSocket only.',
  origin_not_allowed: 'The request was made by a page of another origin.',
  invalid_request: 'The request is not HTTP, its URL cannot be decoded, or its WebSocket handshake is wrong.',
  request_timeout: 'The request did not arrive in time.',
  headers_too_large: 'The headers are larger than 16 KiB.',
};

/** An error of the edge itself. */
export class EdgeError extends Error {
  override name = 'EdgeError';
  readonly code: EdgeCode;
  readonly hint: string | undefined;
  /** Sent with the answer, such as `allow`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: EdgeCode, message: string, details: { hint?: string; headers?: Record<string, string> } = {}) {
    super(message);
    this.code = code;
    this.hint = details.hint;
    this.headers = details.headers ?? {};
  }
}

/** Why a call was given up: nobody is left to answer. */
export class ClientGone extends Error {
  override name = 'ClientGone';

  constructor() {
    super('the client has gone');
  }
}

export function statusOf(code: ProblemCode): number {
  if (code in EDGE_CODES) return EDGE_CODES[code as EdgeCode];
  const known = code as ErrorCode;
  return STATUS_OF_CODE[known] ?? STATUS_OF_CLASS[ERROR_CODES[known]];
}

/** The document for `error`. An error that nobody foresaw says nothing of what is inside. */
export function toProblem(error: unknown): Problem {
  const known = foreseen(error);
  if (known === undefined) return document('internal', 'an unexpected error; the log of the daemon has the cause', {});
  return document(known.code, known.message, known);
}

/** True for errors that are the daemon's fault and belong into its log. */
export function isFault(error: unknown): boolean {
  const known = foreseen(error);
  return known === undefined || known.code === 'internal';
}

interface Details {
  readonly field?: string | undefined;
  readonly hint?: string | undefined;
  readonly operation?: Problem['operation'];
  readonly exitCode?: number | undefined;
}

function document(code: ProblemCode, detail: string, more: Details): Problem {
  return {
    type: `urn:tare:problem:${code}`,
    title: code.replaceAll('_', ' '),
    status: statusOf(code),
    detail,
    code,
    ...(more.field === undefined ? {} : { field: more.field }),
    ...(more.hint === undefined ? {} : { hint: more.hint }),
    ...(more.operation === undefined ? {} : { operation: more.operation }),
    ...(more.exitCode === undefined ? {} : { exitCode: more.exitCode }),
  };
}

function foreseen(error: unknown): EngineError | EdgeError | undefined {
  if (error instanceof EngineError || error instanceof EdgeError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? FRAMEWORK_ERRORS[code]?.() : undefined;
}

/** Refusals that fastify makes by itself (fastify's docs/Reference/Errors.md). */
const FRAMEWORK_ERRORS: Readonly<Record<string, () => EngineError | EdgeError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new EngineError('body_too_large', 'the body is larger than 4 MiB'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => mediaTypeRefused(),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new EngineError('invalid_json', 'the body is not as long as its content-length says'),
  FST_ERR_BAD_URL: () => new EdgeError('invalid_request', 'the url cannot be decoded'),
};

export function mediaTypeRefused(isUpload = false): EdgeError {
  if (isUpload) {
    return new EdgeError('unsupported_media_type', 'a body here must be an archive, as a stream of bytes', {
      hint: 'send the header "content-type: application/x-tar", or application/gzip, application/zstd, application/octet-stream',
    });
  }
  return new EdgeError('unsupported_media_type', 'a body must be application/json', {
    hint: 'send the header "content-type: application/json"',
  });
}
