/**
 * The OCI runtime that the clients are given: bin/tare-oci, or the peer whose path TARE_CLIENT_RUNTIME names. A test
 * that runc and crun fail is a wrong test, so the suite passes with either:
 * `TARE_CLIENT_RUNTIME=/usr/sbin/runc node --test test/clients/*.test.ts`.
 */
import { basename, join, resolve } from 'node:path';

export const RUNTIME = resolve(process.env.TARE_CLIENT_RUNTIME ?? join(import.meta.dirname, '../../bin/tare-oci'));

/** "tare-oci", "runc", "crun". */
export const RUNTIME_NAME = basename(RUNTIME);

/**
 * Which control group hierarchies the client sees: all that the host has, or, for crun 1.8 that refuses a host with
 * both versions, those of version 1 alone.
 */
export const VIEW: 'host' | 'v1' = RUNTIME_NAME === 'crun' ? 'v1' : 'host';

/** What a peer of Debian 12 cannot, feature by feature, and why. Of tare-oci there is nothing to say here. */
const PEER_CANNOT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  runc: {
    'mapped volumes': 'runc 1.1 takes mounts with mappings of their own as plain binds',
  },
  crun: {
    'words of dockerd': 'dockerd looks for words of runc, in small letters and with the name of the command',
  },
};

/** Options of a test that needs a feature: skipped with a peer that lacks it. */
export function needs(feature: string): { skip?: string } {
  const reason = PEER_CANNOT[RUNTIME_NAME]?.[feature];
  return reason === undefined ? {} : { skip: reason };
}
