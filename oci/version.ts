/** What `tare-oci --version` prints, in the lines that Podman and `docker info` read from runc's. */
import { OCI_VERSION_MAX } from '../daemon/runtime/spec/version.ts';

/** package.json says the same, and a test holds both together. */
export const VERSION = '0.1.0';

/** Set by scripts/build.ts where the sources are a checkout. */
declare const TARE_COMMIT: string | undefined;

export function versionText(): string {
  const commit = typeof TARE_COMMIT === 'string' ? [`commit: ${TARE_COMMIT}`] : [];
  return [
    `tare-oci version ${VERSION}`,
    ...commit,
    `spec: ${OCI_VERSION_MAX}`,
    `node: ${process.versions.node}`,
    '',
  ].join('\n');
}
