/** The one registry of errors a user can meet. `code` is stable; the class decides the HTTP status (daemon/api/problem.ts). */
import type { ErrorClass, Problem } from '../../shared/api/problem.ts';

export const ERROR_CODES = {
  container_not_found: 'not_found',
  exec_not_found: 'not_found',
  network_not_found: 'not_found',
  image_not_found: 'not_found',
  blob_not_found: 'not_found',
  no_such_platform: 'not_found',
  volume_not_found: 'not_found',
  path_not_found: 'not_found',
  ambiguous_reference: 'conflict',
  name_taken: 'conflict',
  address_taken: 'conflict',
  port_taken: 'conflict',
  subnet_overlap: 'conflict',
  network_in_use: 'conflict',
  default_network: 'conflict',
  image_in_use: 'conflict',
  volume_in_use: 'conflict',
  path_is_busy: 'conflict',
  path_read_only: 'conflict',
  already_connected: 'conflict',
  not_connected: 'conflict',
  container_running: 'conflict',
  container_not_running: 'conflict',
  container_paused: 'conflict',
  container_not_paused: 'conflict',
  container_busy: 'conflict',
  container_removing: 'conflict',
  container_restarting: 'conflict',
  exec_already_started: 'conflict',
  exec_not_running: 'conflict',
  not_a_terminal: 'conflict',
  invalid_field: 'invalid_input',
  unknown_property: 'invalid_input',
  invalid_json: 'invalid_input',
  body_too_large: 'invalid_input',
  invalid_reference: 'invalid_input',
  dockerfile_invalid: 'invalid_input',
  archive_invalid: 'invalid_input',
  not_a_directory: 'invalid_input',
  unsupported: 'precondition',
  no_network_of_its_own: 'precondition',
  host_lacks_feature: 'precondition',
  command_not_found: 'precondition',
  command_not_executable: 'precondition',
  hook_failed: 'precondition',
  build_failed: 'precondition',
  manifest_invalid: 'precondition',
  image_unsupported: 'precondition',
  media_type_mismatch: 'precondition',
  digest_mismatch: 'precondition',
  size_mismatch: 'precondition',
  image_too_large: 'precondition',
  layer_invalid: 'precondition',
  registry_unauthorized: 'upstream',
  registry_access_denied: 'upstream',
  registry_rate_limited: 'upstream',
  registry_unreachable: 'upstream',
  registry_failed: 'upstream',
  registry_invalid: 'upstream',
  redirect_refused: 'upstream',
  store_damaged: 'internal',
  launch_failed: 'kernel',
  kernel_refused: 'kernel',
  disk_full: 'unavailable',
  pool_exhausted: 'unavailable',
  shim_unreachable: 'unavailable',
  shutting_down: 'unavailable',
  internal: 'internal',
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails extends ErrorOptions {
  readonly field?: string;
  readonly hint?: string;
  readonly operation?: NonNullable<Problem['operation']>;
  readonly exitCode?: number;
}

/** What is wrong with a connection that a thread reads or writes itself. */
export type ConnectionFault =
  /** The client has gone before the end. */
  | 'gone'
  /** It sent nothing for a long time. */
  | 'silent'
  /** What it sent is no HTTP. */
  | 'malformed';

export class ConnectionFailure extends Error {
  override name = 'ConnectionFailure';
  readonly fault: ConnectionFault;

  constructor(fault: ConnectionFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

export class EngineError extends Error {
  override name = 'EngineError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly hint: string | undefined;
  readonly operation: Problem['operation'];
  /** Of a command of a build. */
  readonly exitCode: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.field = details.field;
    this.hint = details.hint;
    this.operation = details.operation;
    this.exitCode = details.exitCode;
  }

  get class(): ErrorClass {
    return ERROR_CODES[this.code];
  }
}
