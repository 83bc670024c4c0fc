/** A container as `GET /containers/json` shows it. */
import type { ContainerOverview } from '../../../api/engine.ts';
import { unixSeconds } from '../../time.ts';
import { type MountShown, mountsShown } from './mounts.ts';
import { type EndpointShown, type Showing, networksShown } from './networks.ts';
import { type PortShown, portList } from './ports.ts';
import { type State, stateOf, statusText } from './state.ts';

export interface SummaryShown {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  readonly Created: number;
  readonly Ports: readonly PortShown[];
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: State;
  readonly Status: string;
  readonly HostConfig: { readonly NetworkMode: string };
  readonly NetworkSettings: { readonly Networks: Record<string, EndpointShown> };
  readonly Mounts: readonly MountShown[];
}

/** `image`: as it is to be called. */
export function summaryShown(container: ContainerOverview, image: string, showing: Showing, now: number): SummaryShown {
  const state = stateOf(container);
  const isUp = state === 'running' || state === 'paused';
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: image,
    ImageID: container.imageId ?? '',
    Command: commandText(container.command),
    Created: unixSeconds(container.createdAt),
    Ports: isUp ? portList(container.ports, container.exposedPorts) : [],
    Labels: container.labels,
    State: state,
    Status: statusText(container, now),
    HostConfig: { NetworkMode: modeShown(container) },
    NetworkSettings: { Networks: networksShown(container, showing) },
    Mounts: mountsShown(container.mounts.filter(({ type }) => type !== 'tmpfs')),
  };
}

/** Words with blanks stand in quotes, but for the first. */
export function commandText([path = '', ...args]: readonly string[]): string {
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}

/** Docker calls a mode by the network that comes first. */
export function modeShown({
  networkMode,
  namesMode,
  endpoints,
}: Pick<ContainerOverview, 'networkMode' | 'namesMode' | 'endpoints'>): string {
  if (networkMode !== 'bridge') return networkMode;
  const first = endpoints[0]?.networkName ?? 'bridge';
  return first === 'bridge' && !namesMode ? 'default' : first;
}
