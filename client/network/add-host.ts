import type { ContainerNetwork } from '../../shared/api/network.ts';
import { UsageError } from '../errors.ts';

type Host = NonNullable<ContainerNetwork['hosts']>[number];

/** `--add-host`: "NAME:ADDRESS" or "NAME=ADDRESS"; an IPv6 address may stand in brackets. */
export function parseHost(text: string): Host {
  const separator = text.includes('=') ? '=' : ':';
  const at = text.indexOf(separator);
  const name = text.slice(0, Math.max(at, 0));
  const value = text.slice(at + 1);
  if (name === '' || value === '') {
    throw new UsageError(`--add-host "${text}" is not NAME:ADDRESS`, {
      hint: 'such as db:10.0.0.5, db=fd00::5 or host.docker.internal:host-gateway',
    });
  }
  return { name, address: /^\[(.*)\]$/.exec(value)?.[1] ?? value };
}

/** `--link`: "CONTAINER" or "CONTAINER:NAME". */
export function parseLink(text: string): Host {
  const [container = '', name = container, more] = text.split(':');
  if (container === '' || name === '' || more !== undefined) {
    throw new UsageError(`--link "${text}" is not CONTAINER[:NAME]`, { hint: 'such as db, or db:database' });
  }
  return { name, address: `container:${container}` };
}
