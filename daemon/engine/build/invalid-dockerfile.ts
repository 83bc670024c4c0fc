/** What is wrong with a Dockerfile, in words. The builder says which file it is. */
export class InvalidDockerfile extends Error {
  override name = 'InvalidDockerfile';
}

export function at(line: number, problem: string): InvalidDockerfile {
  return new InvalidDockerfile(`dockerfile parse error line ${line}: ${problem}`);
}
