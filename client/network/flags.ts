/** The network's flags of `create` and `run`, and those that other commands have too. */
import type { Flag } from '../command.ts';

export const PUBLISH_FLAG: Flag = {
  name: 'publish',
  short: 'p',
  type: 'list',
  value: 'PORTS',
  summary: 'publish ports on the host: 8080:80, [::1]:53:53/udp, 8000-8010:80-90',
};

const IP: Flag = { name: 'ip', type: 'string', value: 'ADDRESS', summary: 'IPv4 address in the first network' };
const IP6: Flag = { name: 'ip6', type: 'string', value: 'ADDRESS', summary: 'IPv6 address in the first network' };
const MAC: Flag = {
  name: 'mac-address',
  type: 'string',
  value: 'MAC',
  summary: 'hardware address in the first network',
};

/** Of docker's, and done otherwise or not at all. */
const REFUSED: readonly Flag[] = [
  { name: 'link-local-ip', type: 'list', summary: '', refused: "link-local addresses are the kernel's to give" },
];

/** For the help of `create` and `run`. */
export const NETWORK_NOTES: readonly string[] = [
  'A network in full: --network name=NAME,ip=ADDRESS,ip6=ADDRESS,mac-address=MAC,alias=NAME,interface=NAME. An interface in full: --interface name=NAME,add=KIND,peer=NAME,create-in-root,address=CIDR,route=CIDR[@GATEWAY].',
];

export const NETWORK_FLAGS: readonly Flag[] = [
  {
    name: 'network',
    type: 'list',
    value: 'NETWORK',
    summary: 'a network by name, or in full: name=NAME,ip=…,alias=…; or none, host, container:NAME, ns:/PATH',
    aliases: ['net'],
    completes: 'network',
    completesAlso: ['none', 'host', 'container:', 'ns:/'],
  },
  {
    name: 'network-alias',
    type: 'list',
    value: 'NAME',
    summary: 'a further name in the first network',
    aliases: ['net-alias'],
  },
  IP,
  IP6,
  MAC,
  PUBLISH_FLAG,
  {
    name: 'publish-all',
    short: 'P',
    type: 'boolean',
    summary: 'publish every port that it or its image exposes, each at a free port of the host',
  },
  { name: 'expose', type: 'list', value: 'PORTS', summary: 'ports that it listens on: 80, 53/udp, 8000-8010' },
  { name: 'link', type: 'list', value: 'CONTAINER[:NAME]', summary: 'a name for another container of its networks' },
  {
    name: 'add-host',
    type: 'list',
    value: 'NAME:ADDRESS',
    summary: 'a line of /etc/hosts; host-gateway stands for the host',
  },
  { name: 'dns', type: 'list', value: 'ADDRESS', summary: 'a name server' },
  { name: 'dns-search', type: 'list', value: 'DOMAIN', summary: 'a domain that short names are looked up in' },
  {
    name: 'dns-option',
    type: 'list',
    value: 'OPTION',
    summary: 'an option of resolv.conf, such as ndots:2',
    aliases: ['dns-opt'],
  },
  {
    name: 'interface',
    type: 'list',
    value: 'KEY=VALUE,…',
    summary: 'an interface of your own: name=eth0,add=veth,peer=v0,address=CIDR,…',
  },
  {
    name: 'pin-namespace',
    type: 'list',
    value: 'KIND=PATH',
    summary: 'bind a namespace to a file: net, mnt, pid, ipc, uts, user or cgroup',
  },
  { name: 'mkdir', type: 'list', value: 'DIR', summary: 'make a directory of the host before each start' },
  ...REFUSED,
];
