/** Errors as the Docker Engine API has them: a status and `{"message"}`, in the words that its clients look for. */
import { statusOf, toProblem } from '../api/problem.ts';
import { EngineError, type ErrorCode } from '../engine/errors.ts';

export class DockerError extends Error {
  override name = 'DockerError';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** What a route says of errors of the engine, where it has words of its own for them. `named`: what its path names. */
export type ErrorTexts = Readonly<Partial<Record<ErrorCode, (error: EngineError, named: string) => DockerError>>>;

/** By what dockerd says, and with which status, wherever it happens. */
const TEXTS: ErrorTexts = {
  container_not_found: (_error, named) => new DockerError(404, `No such container: ${named}`),
  exec_not_found: (_error, named) => new DockerError(404, `No such exec instance: ${named}`),
  network_not_found: (_error, named) => new DockerError(404, `network ${named} not found`),
  volume_not_found: (_error, named) => new DockerError(404, `get ${named}: no such volume`),
  ambiguous_reference: (_error, named) => new DockerError(400, `multiple IDs found with provided prefix: ${named}`),
  unsupported: (error) => new DockerError(400, error.message),
  host_lacks_feature: (error) => new DockerError(400, error.message),
};

/** The error to answer with. What nobody foresaw says nothing of what is inside. */
export function toDockerError(error: unknown, texts: ErrorTexts = {}, named = ''): DockerError {
  if (error instanceof DockerError) return error;
  if (error instanceof EngineError) {
    const text = texts[error.code] ?? TEXTS[error.code];
    if (text !== undefined) return text(error, named);
    return new DockerError(statusOf(error.code), withHint(error), { cause: error });
  }
  const { status, detail } = toProblem(error);
  return new DockerError(status, detail, { cause: error });
}

function withHint({ message, hint }: EngineError): string {
  return hint === undefined ? message : `${message} (${hint})`;
}
