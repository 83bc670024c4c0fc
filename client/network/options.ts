import type { NetworkCreateRequest } from '../../shared/api/network.ts';
import { UsageError } from '../errors.ts';

const MTU = 'com.docker.network.driver.mtu';
const NAME = 'com.docker.network.bridge.name';
const INTER_CONTAINER = 'com.docker.network.bridge.enable_icc';

/** Those options of docker's bridge driver that have a property here; others are refused by name. */
export function setOptions(request: NetworkCreateRequest, words: readonly string[]): void {
  for (const word of words) {
    const [, key = '', value = ''] = /^([^=]+)=(.+)$/s.exec(word) ?? [];
    if (key === MTU && /^\d{1,9}$/.test(value)) request.mtu = Number(value);
    else if (key === NAME) request.bridge = value;
    else if (key === INTER_CONTAINER && /^(true|false|1|0)$/.test(value))
      request.interContainer = value === 'true' || value === '1';
    else
      throw new UsageError(`--opt "${word}" is not supported`, {
        hint: `there are ${MTU}=BYTES, ${NAME}=NAME and ${INTER_CONTAINER}=true|false`,
      });
  }
}
