/** `NetworkSettings` of inspect. */
import type { ContainerDetail } from '../../../../shared/api/container.ts';
import { endpointId, networksShown, type Showing } from './networks.ts';
import { portMap } from './ports.ts';

/** The network whose addresses stand beside the others too, as they did when it was the only one. */
const DEFAULT = 'bridge';

export function networkSettingsShown(detail: ContainerDetail, showing: Showing) {
  const networks = networksShown(detail, showing);
  const isUp = detail.pid !== undefined;
  const main = networks[DEFAULT];
  return {
    Bridge: '',
    SandboxID: isUp ? endpointId(detail.id, 'sandbox') : '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    Ports: isUp && detail.networkMode === 'bridge' ? portMap(detail.ports, detail.exposedPorts) : {},
    SandboxKey: detail.pid === undefined ? '' : `/proc/${String(detail.pid)}/ns/net`,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: main?.EndpointID ?? '',
    Gateway: main?.Gateway ?? '',
    GlobalIPv6Address: main?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: main?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: main?.IPAddress ?? '',
    IPPrefixLen: main?.IPPrefixLen ?? 0,
    IPv6Gateway: main?.IPv6Gateway ?? '',
    MacAddress: main?.MacAddress ?? '',
    Networks: networks,
  };
}
