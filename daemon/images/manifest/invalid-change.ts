/** A line that changes no configuration; the message says why. */
export class InvalidChange extends Error {
  override name = 'InvalidChange';
}
