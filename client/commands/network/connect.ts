import type { ConnectRequest } from '../../../shared/api/network.ts';
import type { Command, Flag } from '../../command.ts';
import { withFlag, type FieldFlags } from '../../create/field-flags.ts';
import { EXIT } from '../../errors.ts';
import { networkPath } from '../../targets.ts';

/** docker's that mean nothing here. */
const REFUSED: readonly Flag[] = [
  { name: 'link', type: 'list', summary: '', refused: 'containers of a network know each other by name' },
  { name: 'link-local-ip', type: 'list', summary: '', refused: "link-local addresses are the kernel's to give" },
  { name: 'driver-opt', type: 'list', summary: '', refused: '--interface names the interface' },
  { name: 'gw-priority', type: 'string', summary: '', refused: 'the first network has the default route' },
];

const FIELDS: FieldFlags = { ipv4: '--ip', ipv6: '--ip6', mac: '--mac-address', aliases: '--alias' };

export const connect: Command = {
  name: 'network connect',
  usage: '[OPTIONS] NETWORK CONTAINER',
  summary: 'Connect a container to a network, also while it runs',
  flags: [
    { name: 'alias', type: 'list', value: 'NAME', summary: 'a further name in the network' },
    { name: 'ip', type: 'string', value: 'ADDRESS', summary: 'IPv4 address, kept until it is disconnected' },
    { name: 'ip6', type: 'string', value: 'ADDRESS', summary: 'IPv6 address, kept until it is disconnected' },
    { name: 'mac-address', type: 'string', value: 'MAC', summary: 'hardware address' },
    { name: 'interface', type: 'string', value: 'NAME', summary: 'name of the interface inside, such as eth1' },
    ...REFUSED,
  ],
  operands: { min: 2, max: 2 },
  interspersed: true,
  completes: 'network',
  completesRest: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [network = '', container = ''] = input.operands;
    const request: ConnectRequest = { container };
    const ipv4 = input.string('ip');
    const ipv6 = input.string('ip6');
    const mac = input.string('mac-address');
    const name = input.string('interface');
    if (ipv4 !== undefined) request.ipv4 = ipv4;
    if (ipv6 !== undefined) request.ipv6 = ipv6;
    if (mac !== undefined) request.mac = mac;
    if (name !== undefined) request.interface = name;
    if (input.has('alias')) request.aliases = [...input.list('alias')];
    try {
      await daemon.post(networkPath(network, '/connect'), request);
    } catch (error) {
      throw withFlag(error, FIELDS);
    }
    return 0;
  },
};
