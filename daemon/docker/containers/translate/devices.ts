/** Devices of the host, and rules about them. */
import { posix } from 'node:path';
import type { CreateRequest } from '../../../../shared/api/container.ts';
import type { HostConfig } from './create-body.ts';
import type { Knows } from './host.ts';
import { plain, quoted, refuse } from './refuse.ts';

type Parts = Partial<CreateRequest>;
type Device = NonNullable<CreateRequest['devices']>[number];

const RULE = /^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/;

/** A directory stands for all devices in it. Throws DockerError 400. */
export function devicesOf(host: HostConfig, knows: Pick<Knows, 'exists' | 'devicesBelow'>): Parts {
  refuseRequests(host);
  const rules = (host.DeviceCgroupRules ?? []).map((rule) =>
    RULE.test(rule) ? rule : refuse(`invalid device cgroup rule format: '${plain(rule)}'`),
  );
  // who is privileged has every device as it is
  const asked = host.Privileged === true ? [] : (host.Devices ?? []);
  const devices = asked.flatMap((mapping) => {
    const { PathOnHost: source = '', PathInContainer: inside = '', CgroupPermissions: access = '' } = mapping;
    const target = inside === '' ? source : inside;
    const permissions = access === '' ? 'rwm' : access;
    if (!/^[rwm]{1,3}$/.test(permissions)) refuse(`invalid device permissions ${quoted(permissions)}`);
    if (!source.startsWith('/') || !knows.exists(source)) {
      refuse(
        `error gathering device information while adding custom device ${quoted(source)}: no such file or directory`,
      );
    }
    if (!target.startsWith('/')) refuse(`${plain(target)} is not an absolute path`);
    const below = knows.devicesBelow(source);
    if (below === undefined) return [{ source, target, permissions }];
    return below.map((path): Device => ({
      source: path,
      target: posix.join(target, posix.relative(source, path)),
      permissions,
    }));
  });
  return {
    ...(devices.length === 0 ? {} : { devices }),
    ...(rules.length === 0 ? {} : { deviceRules: rules }),
  };
}

/** GPUs, and what CDI names: nothing here can give them. */
function refuseRequests({ DeviceRequests: requests = [] }: HostConfig): void {
  const [first] = requests;
  if (first === undefined) return;
  const capabilities = (first.Capabilities ?? []).map((set) => `[${set.map(plain).join(' ')}]`).join(' ');
  refuse(`could not select device driver ${quoted(first.Driver ?? '')} with capabilities: [${capabilities}]`);
}
