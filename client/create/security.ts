/** `--security-opt`: docker's forms, as far as there is such a thing here. */
import type { CreateRequest } from '../../shared/api/container.ts';
import { UsageError } from '../errors.ts';
import { readJsonObject } from './environment.ts';

type SecurityRequest = NonNullable<CreateRequest['security']>;

const HINT =
  'there are no-new-privileges[=BOOL], seccomp=unconfined|builtin|FILE, apparmor=PROFILE, label=disable and systempaths=unconfined';

/** docker writes "key=value", and for old times' sake "key:value". */
export function securityOf(words: readonly string[]): SecurityRequest {
  const security: SecurityRequest = {};
  for (const word of words) {
    const [, key = '', value] = /^([a-z-]+)(?:[=:](.*))?$/s.exec(word) ?? [];
    if (key === 'no-new-privileges' && (value === undefined || value === 'true' || value === 'false')) {
      security.noNewPrivileges = value !== 'false';
    } else if (key === 'seccomp' && value !== undefined && value !== '') {
      security.seccomp = seccompOf(value);
    } else if (key === 'apparmor' && value !== undefined && value !== '') {
      security.apparmor = value;
    } else if (key === 'systempaths' && value === 'unconfined') {
      security.maskedPaths = [];
      security.readonlyPaths = [];
    } else if (key !== 'label' || value !== 'disable') {
      // nothing is labelled unless it is asked for, so that label=disable is what there is
      throw new UsageError(`--security-opt "${word}" is not supported`, { hint: HINT });
    }
  }
  return security;
}

function seccompOf(value: string): 'default' | 'unconfined' | Record<string, unknown> {
  if (value === 'unconfined') return 'unconfined';
  if (value === 'builtin' || value === 'default') return 'default';
  return readJsonObject(value);
}
