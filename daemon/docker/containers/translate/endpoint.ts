/** What is asked of one network: an EndpointSettings as a place in it. `POST /networks/{id}/connect` has the same. */
import type { EndpointRequest } from '../../../../shared/api/network.ts';
import type { EndpointSettings } from './create-body.ts';
import { plain, quoted, refuse } from './refuse.ts';

const INTERFACE = 'com.docker.network.endpoint.ifname';
const ADDRESS = /^[0-9A-Fa-f:.]{2,45}$/;

/** Throws DockerError 400. */
export function endpointOf(network: string, settings: EndpointSettings, warnings: string[]): EndpointRequest {
  const { IPAMConfig: ipam = {}, Aliases: aliases = [], MacAddress: mac = '' } = settings;
  const { IPv4Address: ipv4 = '', IPv6Address: ipv6 = '', LinkLocalIPs: linkLocal = [] } = ipam;
  if (network === '' || network.length > 128) refuse(`network ${plain(network)} not found`);
  if (ipv4 !== '' && (!ADDRESS.test(ipv4) || ipv4.includes(':'))) refuse(`invalid IPv4 address: ${plain(ipv4)}`);
  if (ipv6 !== '' && (!ADDRESS.test(ipv6) || !ipv6.includes(':'))) refuse(`invalid IPv6 address: ${plain(ipv6)}`);
  if (linkLocal.length > 0) refuse('LinkLocalIPs are not there: a container has one address of each family');
  if (mac !== '' && !/^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$/.test(mac)) {
    refuse(`invalid MAC address ${quoted(mac)}`);
  }
  return {
    network,
    ...(ipv4 === '' ? {} : { ipv4 }),
    ...(ipv6 === '' ? {} : { ipv6 }),
    ...(mac === '' ? {} : { mac: mac.replaceAll('-', ':') }),
    ...(aliases.length === 0 ? {} : { aliases: [...new Set(aliases)] }),
    ...interfaceOf(settings, warnings),
  };
}

function interfaceOf(
  { DriverOpts: options = {} }: EndpointSettings,
  warnings: string[],
): Pick<EndpointRequest, 'interface'> {
  for (const name of Object.keys(options)) {
    if (name !== INTERFACE) warnings.push(`driver option ${plain(name)} of a network has no effect here`);
  }
  const name = options[INTERFACE] ?? '';
  return name === '' ? {} : { interface: name };
}
