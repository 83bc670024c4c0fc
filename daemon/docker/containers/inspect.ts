/** `GET /containers/{id}/json` */
import type { ContainerDetail } from '../../../shared/api/container.ts';
import type { Engine } from '../../api/engine.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { goTime } from '../time.ts';
import { askedFor } from './show/asked.ts';
import { configShown } from './show/config.ts';
import { hostConfigShown } from './show/host-config.ts';
import { mountsShown } from './show/mounts.ts';
import { networkSettingsShown } from './show/network-settings.ts';
import { stateShown } from './show/state.ts';

export const inspectContainer: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/containers/:id/json',
  resource: 'container',
  async handle({ engine }, call) {
    const detail = engine.inspect(call.id);
    const asked = askedFor(detail, engine.dockerRequest(detail.id));
    const { HostConfig: host = {}, NetworkingConfig: networking = {} } = asked;
    const [path = '', ...args] = detail.command;
    const networks = new Map(engine.listNetworks({}).map((network) => [network.id, network]));
    const endpoints = networking.EndpointsConfig;
    const showing = { version: call.version, networks, ...(endpoints === undefined ? {} : { asked: endpoints }) };
    const json = {
      Id: detail.id,
      Created: goTime(detail.createdAt),
      Path: path,
      Args: args,
      State: stateShown(detail),
      Image: detail.imageId ?? '',
      ...filesShown(detail),
      Name: `/${detail.name}`,
      RestartCount: detail.restartCount,
      Driver: 'overlay2',
      Platform: 'linux',
      MountLabel: '',
      ProcessLabel: '',
      AppArmorProfile: '',
      ExecIDs: execsShown(engine, detail),
      HostConfig: hostConfigShown(detail, host),
      // nothing of it is mounted on the host: there are no paths to show
      GraphDriver: { Name: 'overlay2', Data: null },
      ...(call.query.flag('size') ? await sizeShown(engine, detail.id) : {}),
      Mounts: mountsShown(detail.mounts, host),
      Config: configShown(detail, asked),
      NetworkSettings: networkSettingsShown(detail, showing),
    };
    return { status: 200, json };
  },
});

/** They are there from the first start on. */
function filesShown({ startedAt, nameFiles, logDriver, logPath }: ContainerDetail) {
  const isThere = startedAt !== undefined;
  const { resolvConf = '', hostname = '', hosts = '' } = (isThere ? nameFiles : undefined) ?? {};
  return {
    ResolvConfPath: resolvConf,
    HostnamePath: hostname,
    HostsPath: hosts,
    LogPath: isThere && logDriver === 'json-file' ? logPath : '',
  };
}

/** Those that are not over; null where there are none. */
function execsShown(engine: Engine, { execs }: ContainerDetail): string[] | null {
  const open = execs.filter((id) => engine.inspectExec(id).status !== 'exited');
  return open.length === 0 ? null : open;
}

async function sizeShown(
  engine: Engine,
  id: string,
): Promise<{ readonly SizeRw: number; readonly SizeRootFs: number }> {
  const { written, root } = await engine.containerSize(id);
  return { SizeRw: written, SizeRootFs: root };
}
