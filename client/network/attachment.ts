/** `--network` of `run` and `create`: a mode, the name of a network, or docker's long form of the latter. */
import type { EndpointRequest } from '../../shared/api/network.ts';
import { UsageError } from '../errors.ts';
import { parseFields } from '../fields.ts';

export type Attachment = { readonly mode: string } | { readonly endpoint: EndpointRequest };

const KEYS = 'name, ip, ip6, mac-address, alias and interface';

/** "host", "container:REF", "ns:/PATH", "NAME" or "name=NAME,ip=…,alias=…". Modes other than bridge are not networks. */
export function parseAttachment(text: string): Attachment {
  if (/^(none|host)$|^(container|ns):/.test(text)) return { mode: text };
  if (text === '') throw new UsageError('--network "" names no network');
  if (!text.includes('=')) return { endpoint: { network: text } };
  return { endpoint: endpointOf(text) };
}

function endpointOf(text: string): EndpointRequest {
  const endpoint: EndpointRequest = { network: '' };
  for (const { key, value } of parseFields(text, '--network')) {
    if (value === undefined || value === '') throw new UsageError(`--network "${text}": "${key}" has no value`);
    if (key === 'alias') {
      (endpoint.aliases ??= []).push(value);
      continue;
    }
    const property = propertyOf(key, text);
    // The name starts out empty; anything else is absent until it is given.
    if (endpoint[property] !== undefined && endpoint[property] !== '')
      throw new UsageError(`--network "${text}": "${key}" is given twice`);
    endpoint[property] = value;
  }
  if (endpoint.network === '') throw new UsageError(`--network "${text}" has no name`, { hint: `keys are ${KEYS}` });
  if (/^(none|host)$|^(container|ns):/.test(endpoint.network)) {
    throw new UsageError(`--network "${text}": ${endpoint.network} is no network and takes no settings`);
  }
  return endpoint;
}

function propertyOf(key: string, text: string): 'network' | 'ipv4' | 'ipv6' | 'mac' | 'interface' {
  switch (key) {
    case 'name':
      return 'network';
    case 'ip':
      return 'ipv4';
    case 'ip6':
      return 'ipv6';
    case 'mac-address':
      return 'mac';
    case 'interface':
      return 'interface';
    case 'gw-priority':
      throw new UsageError(`--network "${text}": "gw-priority" is not supported`, {
        hint: 'the first network has the default route',
      });
    default:
      throw new UsageError(`--network "${text}": unknown key "${key}"`, { hint: `keys are ${KEYS}` });
  }
}
