/** The spec asks for what is malformed or what this runtime or host refuses; `field` is its JSON path, such as "linux.resources.memory.limit". */
export class SpecError extends Error {
  override name = 'SpecError';
  readonly field: string;
  /** `invalid`: can never be right. `unsupported`: right, but refused here (host lacks it, or we do not do it). */
  readonly kind: 'invalid' | 'unsupported';

  constructor(field: string, problem: string, kind: 'invalid' | 'unsupported' = 'invalid', options?: ErrorOptions) {
    super(`${field}: ${problem}`, options);
    this.field = field;
    this.kind = kind;
  }
}
