/** The network resource, and what a container says of networks, at create and at connect. */
import { Type, type Static } from '@sinclair/typebox';
import { AbsolutePath, Labels, Moment, Name, NoNul, Timestamp, closed } from './common.ts';

/** Form only; what it means is checked by the engine, which names the field. */
export const IpAddress = Type.String({
  pattern: '^[0-9A-Fa-f:.]{2,45}$',
  description: 'an IPv4 or IPv6 address, such as "10.1.2.3" or "fd00::5"',
});
export const Cidr = Type.String({
  pattern: '^[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}$',
  description: 'an address and the length of its prefix, such as "10.1.2.0/24" or "fd00:1::/64"',
});
export const Mac = Type.String({
  pattern: '^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$',
  description: 'a unicast hardware address, such as "02:42:0a:01:02:03"',
});
/** As the kernel has it, dev_valid_name(): at most 15 bytes. */
export const InterfaceName = Type.String({
  pattern: '^(?!\\.{1,2}$)[^\\u0000-\\u0020\\u007f/:%]{1,15}$',
  description: 'the name of an interface: at most 15 bytes, without "/", ":", "%" and blanks',
});
/** A name that the network's DNS server answers to. */
export const Alias = Type.String({
  pattern: '^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$',
  description: 'a host name: letters, digits, "_", "-" and "."',
});
export const HostName = Alias;
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

export const Subnet = closed({
  subnet: Cidr,
  /** Default: the first address of the subnet. */
  gateway: Type.Optional(IpAddress),
  /** Where addresses that nobody asked for by number are taken from; default: all of the subnet. */
  range: Type.Optional(Cidr),
});
export type Subnet = Static<typeof Subnet>;

export const NetworkCreateRequest = closed({
  name: Name,
  driver: Type.Optional(Type.Literal('bridge')),
  /** At most one of each family; a family that is missing gets one from the pool. */
  subnets: Type.Optional(Type.Array(Subnet, { maxItems: 2 })),
  ipv4: Type.Optional(Type.Boolean({ description: 'give it IPv4 (default true)' })),
  ipv6: Type.Optional(Type.Boolean({ description: 'give it IPv6, of a unique local prefix (default true)' })),
  internal: Type.Optional(Type.Boolean({ description: 'nothing of it reaches outside, nothing outside reaches it' })),
  /** Whether containers of it reach each other (default true). */
  interContainer: Type.Optional(Type.Boolean({ description: 'its containers reach each other (default true)' })),
  mtu: Type.Optional(Type.Integer({ minimum: 1280, maximum: 65_535 })),
  bridge: Type.Optional(InterfaceName),
  labels: Type.Optional(Labels),
});
export type NetworkCreateRequest = Static<typeof NetworkCreateRequest>;

export const NetworkCreateResponse = Type.Object({
  id: Type.String(),
  name: Type.String(),
  warnings: Type.Array(Type.String()),
});
export type NetworkCreateResponse = Static<typeof NetworkCreateResponse>;

/** A container's place in a network. The addresses are there while it runs, and those that were asked for always. */
export const Endpoint = Type.Object({
  network: Type.String({ description: 'its id' }),
  networkName: Type.String(),
  /** In the container, such as "eth0"; absent while it does not run. */
  interface: Type.Optional(Type.String()),
  mac: Type.Optional(Type.String()),
  ipv4: Type.Optional(Type.String({ description: 'address/prefix length' })),
  ipv6: Type.Optional(Type.String({ description: 'address/prefix length' })),
  gateway4: Type.Optional(Type.String()),
  gateway6: Type.Optional(Type.String()),
  aliases: Type.Array(Type.String()),
});
export type Endpoint = Static<typeof Endpoint>;

export const NetworkSummary = Type.Object({
  id: Type.String(),
  name: Type.String(),
  driver: Type.Literal('bridge'),
  /** The bridge on the host. */
  bridge: Type.String(),
  internal: Type.Boolean(),
  interContainer: Type.Boolean(),
  mtu: Type.Integer(),
  subnets: Type.Array(
    Type.Object({ subnet: Type.String(), gateway: Type.String(), range: Type.Optional(Type.String()) }),
  ),
  labels: Labels,
  createdAt: Timestamp,
});
export type NetworkSummary = Static<typeof NetworkSummary>;

export const NetworkDetail = Type.Intersect([
  NetworkSummary,
  Type.Object({
    /** Running containers of it, by id. */
    containers: Type.Record(
      Type.String(),
      Type.Object({
        name: Type.String(),
        mac: Type.String(),
        ipv4: Type.Optional(Type.String()),
        ipv6: Type.Optional(Type.String()),
      }),
    ),
  }),
]);
export type NetworkDetail = Static<typeof NetworkDetail>;

/** `GET /networks`; several values of one key are alternatives. */
export const NetworkListQuery = closed({
  name: Type.Optional(Type.String({ description: 'part of the name' })),
  id: Type.Optional(Type.String({ description: 'beginning of the id' })),
  label: Type.Optional(Type.Array(Type.String(), { description: '"key" or "key=value"' })),
});
export type NetworkListQuery = Static<typeof NetworkListQuery>;

/** `POST /networks/prune` */
export const NetworkPruneRequest = closed({
  /** Only those that were made before. */
  until: Type.Optional(Moment),
  label: Type.Optional(Type.Array(Type.String(), { description: '"key", "key=value", "!key" or "!key=value"' })),
});
export type NetworkPruneRequest = Static<typeof NetworkPruneRequest>;
export const NetworkPruneResponse = Type.Object({ removed: Type.Array(Type.String({ description: 'names' })) });
export type NetworkPruneResponse = Static<typeof NetworkPruneResponse>;

/** What is asked of one network for one container. */
const endpointSettings = {
  /** Kept for the container from then until it is removed or disconnected. */
  ipv4: Type.Optional(IpAddress),
  ipv6: Type.Optional(IpAddress),
  mac: Type.Optional(Mac),
  aliases: Type.Optional(Type.Array(Alias, { maxItems: 256 })),
  /** In the container; default: the next free of eth0, eth1, … */
  interface: Type.Optional(InterfaceName),
};
export const EndpointRequest = closed({ network: Type.String({ minLength: 1, maxLength: 128 }), ...endpointSettings });
export type EndpointRequest = Static<typeof EndpointRequest>;

const containerRef = Type.String({ minLength: 1, maxLength: 128 });
export const ConnectRequest = closed({ container: containerRef, ...endpointSettings });
export type ConnectRequest = Static<typeof ConnectRequest>;
export const DisconnectRequest = closed({ container: containerRef });
export type DisconnectRequest = Static<typeof DisconnectRequest>;

export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
export type Protocol = (typeof PROTOCOLS)[number];
export const Publish = closed({
  containerPort: Port,
  /** Absent: a free one of the host's ephemeral ports is chosen at start. */
  hostPort: Type.Optional(Port),
  /** Then `hostPort` is the first of several: one of them that is free at start. */
  hostPortLast: Type.Optional(Port),
  /** So many ports from these on (default 1). */
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  /** Default: the daemon's `publishAddress`; "0.0.0.0" and "::" are all of a family, absent there: of both. */
  hostAddress: Type.Optional(IpAddress),
  protocol: Type.Optional(Type.Union(PROTOCOLS.map((name) => Type.Literal(name)))),
});
export type Publish = Static<typeof Publish>;

/** What is published, port for port ranges; the host's port is there while the container runs or where it was given. */
export const PublishedPort = Type.Object({
  containerPort: Type.Integer(),
  hostPort: Type.Optional(Type.Integer()),
  count: Type.Integer(),
  hostAddress: Type.Optional(Type.String()),
  protocol: Type.Union(PROTOCOLS.map((name) => Type.Literal(name))),
});
export type PublishedPort = Static<typeof PublishedPort>;

/** "none", "host", "bridge", "container:REF" or "ns:/PATH". */
export const NetworkMode = Type.String({
  pattern: '^(none|host|bridge|container:[A-Za-z0-9][A-Za-z0-9_.-]{0,127}|ns:/[^\\u0000]+)$',
  maxLength: 4096,
  description: '"none", "host", "bridge", "container:ID" or "ns:/PATH"',
});

const ContainerAddress = Type.String({
  pattern: '^container:[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$',
  description: '"container:REF"',
});

export const ContainerNetwork = closed({
  /** Default: "bridge" where `networks` or `publish` are given, else the daemon's `defaultNetwork`. */
  mode: Type.Optional(NetworkMode),
  /** mode bridge: in this order they are eth0, eth1, …; the first has the default route. Absent: the default bridge. */
  networks: Type.Optional(Type.Array(EndpointRequest, { minItems: 1, maxItems: 64 })),
  publish: Type.Optional(Type.Array(Publish, { maxItems: 65_535 })),
  /** Ports that it listens on, beside those that its image says: "80/tcp". */
  expose: Type.Optional(
    Type.Array(Type.String({ pattern: '^[0-9]{1,5}/(tcp|udp|sctp)$', description: 'a port such as "80/tcp"' }), {
      maxItems: 65_535,
    }),
  ),
  /** /etc/hosts, hostname and resolv.conf of its own in modes none and host too, where it otherwise has its root's. */
  files: Type.Optional(Type.Boolean({ description: 'files of its own for names in modes none and host too' })),
  /** All that it listens on is published, each at a free port of the host. */
  publishAll: Type.Optional(Type.Boolean({ description: 'publish every port that it or its image exposes' })),
  dns: Type.Optional(
    closed({
      servers: Type.Optional(Type.Array(IpAddress, { maxItems: 16 })),
      search: Type.Optional(Type.Array(HostName, { maxItems: 32 })),
      options: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z0-9:-]{1,64}$' }), { maxItems: 32 })),
    }),
  ),
  /**
   * Lines of /etc/hosts; "host-gateway" stands for the host's address on the container's first network, "container:REF"
   * for the addresses that another one has when this one starts, on a network of both.
   */
  hosts: Type.Optional(
    Type.Array(
      closed({ name: HostName, address: Type.Union([IpAddress, Type.Literal('host-gateway'), ContainerAddress]) }),
      {
        maxItems: 1024,
      },
    ),
  ),
});
export type ContainerNetwork = Static<typeof ContainerNetwork>;

/** For those who assemble their own network: made or moved into the container's namespace before it starts. */
export const Interface = closed({
  /** In the container. */
  name: InterfaceName,
  /** Its kind as the kernel names it: "veth", "dummy", "macvlan", … Absent: an interface of the host moves in. */
  add: Type.Optional(
    Type.String({ pattern: '^[a-z0-9_-]{1,15}$', description: 'a kind of the kernel, such as "veth"' }),
  ),
  /** veth: the name of the other end, which stays with the host. macvlan, ipvlan, vlan: the host's interface below. */
  peer: Type.Optional(InterfaceName),
  /** Make it in the host's namespace and move it in; the default makes it where it belongs. */
  createInRoot: Type.Optional(Type.Boolean()),
  addresses: Type.Optional(Type.Array(Cidr, { maxItems: 256 })),
  routes: Type.Optional(
    Type.Array(closed({ destination: Cidr, gateway: Type.Optional(IpAddress) }), { maxItems: 256 }),
  ),
});
export type Interface = Static<typeof Interface>;

/** Files that the namespaces of the running container are bound to, until it is removed. */
export const PinNamespaces = closed({
  net: Type.Optional(AbsolutePath),
  mnt: Type.Optional(AbsolutePath),
  pid: Type.Optional(AbsolutePath),
  ipc: Type.Optional(AbsolutePath),
  uts: Type.Optional(AbsolutePath),
  user: Type.Optional(AbsolutePath),
  cgroup: Type.Optional(AbsolutePath),
});
export type PinNamespaces = Static<typeof PinNamespaces>;

/** What the daemon changed on the host for networks, and what stands in their way. */
export const NetworkInfo = Type.Object({
  /** Of nf_tables; the daemon's own. */
  table: Type.String(),
  /** Settings that were off and that the daemon set. */
  changed: Type.Array(Type.Object({ key: NoNul, before: NoNul, now: NoNul })),
  warnings: Type.Array(Type.String()),
});
export type NetworkInfo = Static<typeof NetworkInfo>;
