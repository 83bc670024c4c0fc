/** What a container may do: capabilities, SecurityOpt, masked paths. */
import type { CreateRequest } from '../../../../shared/api/container.ts';
import { JsonError, parseJson } from '../../../../shared/json.ts';
import type { HostConfig } from './create-body.ts';
import { plain, quoted, refuse } from './refuse.ts';
import { ociSeccomp } from './seccomp-profile.ts';

type Parts = Partial<CreateRequest>;
type Security = NonNullable<CreateRequest['security']>;

/** Throws DockerError 400. */
export function securityOf(host: HostConfig, warnings: string[]): Parts {
  const { CapAdd: add = [], CapDrop: drop = [] } = host;
  if ((host.Capabilities ?? []).length > 0) refuse('Capabilities are not there: CapAdd and CapDrop are');
  const security: Security = {
    ...(host.Privileged === true ? { privileged: true } : {}),
    ...(host.ReadonlyRootfs === true ? { readonlyRootfs: true } : {}),
    ...(host.MaskedPaths === undefined ? {} : { maskedPaths: [...host.MaskedPaths] }),
    ...(host.ReadonlyPaths === undefined ? {} : { readonlyPaths: [...host.ReadonlyPaths] }),
  };
  for (const option of host.SecurityOpt ?? []) apply(option, { security, host, warnings });
  const named = (names: readonly string[], field: string): string[] =>
    names.map((name) => (name === '' ? refuse(`invalid ${field}: unknown capability: "CAP_"`) : name));
  return {
    ...(add.length + drop.length === 0
      ? {}
      : {
          capabilities: {
            ...(add.length === 0 ? {} : { add: named(add, 'CapAdd') }),
            ...(drop.length === 0 ? {} : { drop: named(drop, 'CapDrop') }),
          },
        }),
    ...(Object.keys(security).length === 0 ? {} : { security }),
  };
}

interface Applying {
  readonly security: Security;
  readonly host: HostConfig;
  readonly warnings: string[];
}

/** "key=value", as older clients send it "key:value", or a key alone. */
function apply(option: string, { security, host, warnings }: Applying): void {
  if (option === 'no-new-privileges') {
    security.noNewPrivileges = true;
    return;
  }
  const at = option.includes('=') ? option.indexOf('=') : option.indexOf(':');
  if (at === -1) refuse(`invalid --security-opt 1: ${quoted(option)}`);
  const [key, value] = [option.slice(0, at), option.slice(at + 1)];
  switch (key) {
    case 'no-new-privileges':
      security.noNewPrivileges = flagOf(option, value);
      break;
    case 'seccomp':
      security.seccomp = seccompOf(value, host);
      break;
    case 'apparmor':
      if (value !== 'unconfined' && value !== '') refuse(`AppArmor profile ${quoted(value)} cannot be applied here`);
      break;
    case 'label':
      if (value !== 'disable')
        warnings.push(`SELinux does not confine containers here: label ${plain(value)} discarded.`);
      break;
    case 'systempaths':
      if (value !== 'unconfined') refuse(`invalid --security-opt 2: ${quoted(option)}`);
      security.maskedPaths = [];
      security.readonlyPaths = [];
      break;
    case 'writable-cgroups':
      if (flagOf(option, value)) refuse('writable-cgroups is not there: control groups are read-only in a container');
      break;
    default:
      refuse(`invalid --security-opt 2: ${quoted(option)}`);
  }
}

function flagOf(option: string, value: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  return refuse(`invalid --security-opt 2: ${quoted(option)}`);
}

/** The CLI sends the text of a profile, not its path. */
function seccompOf(value: string, host: HostConfig): 'default' | 'unconfined' | object {
  if (value === 'unconfined') return 'unconfined';
  if (value === 'builtin' || value === 'default' || value === '') return 'default';
  try {
    const profile = parseJson(value);
    if (typeof profile === 'object' && profile !== null && !Array.isArray(profile)) {
      return ociSeccomp(profile as Readonly<Record<string, unknown>>, host);
    }
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    refuse(`Decoding seccomp profile failed: ${plain(error.message)}`);
  }
  return refuse('Decoding seccomp profile failed: it is not an object');
}
