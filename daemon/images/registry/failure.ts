/** What went wrong between a registry and us, as an ImageError that knows whether to try again makes sense. */
import { JsonError, parseJson } from '../../../shared/json.ts';
import { ImageError, shown, type ImageErrorCode } from '../errors.ts';

export interface FailureDetails extends ErrorOptions {
  /** The same request may well succeed later. */
  readonly isTransient?: boolean;
  /** Milliseconds that the registry asks to wait. */
  readonly retryAfter?: number | undefined;
  /** Status of the answer, if there was one. */
  readonly status?: number;
}

export class RegistryFailure extends ImageError {
  readonly isTransient: boolean;
  readonly retryAfter: number | undefined;
  readonly status: number | undefined;

  constructor(code: ImageErrorCode, message: string, details: FailureDetails = {}) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.isTransient = details.isTransient ?? false;
    this.retryAfter = details.retryAfter;
    this.status = details.status;
  }
}

interface Meaning {
  readonly code: ImageErrorCode;
  readonly text: string;
  readonly isTransient?: boolean;
}

const unreachable = (text: string, isTransient = false): Meaning => ({
  code: 'registry_unreachable',
  text,
  isTransient,
});
const UNTRUSTED = unreachable('its certificate is not trusted');

/** By the `code` of what Node, OpenSSL or undici throw. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['ENOTFOUND', unreachable('there is no host of this name')],
  ['EAI_AGAIN', unreachable('its name cannot be looked up at the moment', true)],
  ['ECONNREFUSED', unreachable('the connection was refused')],
  ['EHOSTUNREACH', unreachable('there is no route to it')],
  ['ENETUNREACH', unreachable('there is no route to it')],
  ['ECONNRESET', unreachable('the connection broke', true)],
  ['EPIPE', unreachable('the connection broke', true)],
  ['UND_ERR_SOCKET', unreachable('the connection broke', true)],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', unreachable('the connection broke', true)],
  ['ETIMEDOUT', unreachable('no connection in time', true)],
  ['UND_ERR_CONNECT_TIMEOUT', unreachable('no connection in time', true)],
  ['UND_ERR_HEADERS_OVERFLOW', { code: 'registry_invalid', text: 'the header of its answer is too long' }],
  ['EPROTO', unreachable('it does not speak TLS as we do')],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNTRUSTED],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNTRUSTED],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNTRUSTED],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNTRUSTED],
  ['ERR_TLS_CERT_ALTNAME_INVALID', unreachable('its certificate is for another name')],
  ['CERT_HAS_EXPIRED', unreachable('its certificate has expired')],
]);

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function meaningOf(code: string): Meaning | undefined {
  const known = MEANINGS.get(code);
  if (known !== undefined) return known;
  if (code.startsWith('ERR_SSL_')) return MEANINGS.get('EPROTO');
  if (code.startsWith('CERT_')) return UNTRUSTED;
  if (code.startsWith('HPE_')) return { code: 'registry_invalid', text: 'its answer is not HTTP' };
  return undefined;
}

/** What a request to `url` threw. What is not of the network stays what it is. */
export function networkFailure(error: unknown, url: URL): unknown {
  const isParser = error instanceof Error && error.name === 'HTTPParserError';
  const code = errorCode(error) ?? (isParser ? 'HPE_UNKNOWN' : undefined);
  const meaning = code === undefined ? undefined : meaningOf(code);
  if (code === undefined || meaning === undefined) return error;
  return new RegistryFailure(meaning.code, `${url.host}: ${meaning.text} (${code})`, {
    isTransient: meaning.isTransient === true,
    cause: error,
  });
}

/** Seconds or a date, RFC 9110 section 10.2.3, as milliseconds from now. */
export function parseRetryAfter(text: string | undefined, now = Date.now()): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /[A-Za-z]/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

interface Complaint {
  readonly code: string;
  readonly message: string;
}

/** distribution-spec 1.1, "Error Codes": {"errors": [{"code", "message"}]}. None where the body is something else. */
export function parseComplaints(body: Uint8Array): Complaint[] {
  try {
    const document = parseJson(Buffer.from(body).toString('utf8'), 16);
    const errors = typeof document === 'object' && document !== null && 'errors' in document ? document.errors : [];
    return (Array.isArray(errors) ? (errors as unknown[]) : []).slice(0, 4).flatMap((entry) => {
      if (typeof entry !== 'object' || entry === null) return [];
      const { code, message } = entry as { code?: unknown; message?: unknown };
      if (typeof code !== 'string') return [];
      return [{ code, message: typeof message === 'string' ? message : '' }];
    });
  } catch (error) {
    if (error instanceof JsonError) return [];
    throw error;
  }
}

/** Error codes of distribution-spec that tell more than the status. */
const COMPLAINT_CODES: ReadonlyMap<string, ImageErrorCode> = new Map([
  ['BLOB_UNKNOWN', 'blob_not_found'],
  ['BLOB_UPLOAD_UNKNOWN', 'blob_not_found'],
  ['MANIFEST_BLOB_UNKNOWN', 'blob_not_found'],
  ['DIGEST_INVALID', 'digest_mismatch'],
  ['SIZE_INVALID', 'size_mismatch'],
  ['MANIFEST_UNKNOWN', 'image_not_found'],
  ['NAME_UNKNOWN', 'image_not_found'],
  ['MANIFEST_INVALID', 'manifest_invalid'],
  ['NAME_INVALID', 'invalid_reference'],
  ['TAG_INVALID', 'invalid_reference'],
  ['UNAUTHORIZED', 'unauthorized'],
  ['DENIED', 'access_denied'],
  ['UNSUPPORTED', 'registry_invalid'],
  ['TOOMANYREQUESTS', 'rate_limited'],
]);

function codeOfStatus(status: number, notFound: ImageErrorCode): ImageErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'access_denied';
  if (status === 404 || status === 410) return notFound;
  if (status === 413) return 'too_large';
  if (status === 429) return 'rate_limited';
  return status >= 500 ? 'registry_failed' : 'registry_invalid';
}

/** Statuses that may be another at the next try: too early, too many, and the server's own trouble. */
function isTransientStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501);
}

export interface Refusal {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Uint8Array;
  /** Who answered, such as "localhost:5000". */
  readonly host: string;
}

/** An answer that is an error. `what` was asked for; `notFound`: what a 404 means. */
export function refusalFailure(refusal: Refusal, what: string, notFound: ImageErrorCode): RegistryFailure {
  const { status, host } = refusal;
  const complaints = parseComplaints(refusal.body);
  const [first] = complaints;
  const isTransient = isTransientStatus(status);
  const said = first === undefined || isTransient || status === 401 ? undefined : COMPLAINT_CODES.get(first.code);
  const words = complaints.map(({ code, message }) => shown(message === '' ? code : `${code}: ${message}`)).join('; ');
  return new RegistryFailure(
    said ?? codeOfStatus(status, notFound),
    `${what}: ${host} answered ${status}${words === '' ? '' : ` (${words})`}`,
    { isTransient, retryAfter: parseRetryAfter(refusal.retryAfter), status },
  );
}
