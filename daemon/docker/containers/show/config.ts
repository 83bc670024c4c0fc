/** `Config` of inspect. */
import type { ContainerDetail } from '../../../../shared/api/container.ts';
import type { CreateBody } from '../translate/create-body.ts';

/** Fields that are there only where they say something. */
const OPTIONAL = ['ExposedPorts', 'MacAddress', 'StopSignal', 'StopTimeout', 'Shell'] as const;

export function configShown(detail: ContainerDetail, asked: CreateBody) {
  const { Entrypoint: entrypoint = [], Cmd: cmd = [], OnBuild: onBuild = [] } = asked;
  const healthcheck = healthcheckOf(detail, asked);
  return {
    Hostname: hostnameOf(detail, asked),
    Domainname: asked.Domainname ?? '',
    User: asked.User ?? '',
    AttachStdin: asked.AttachStdin ?? false,
    AttachStdout: asked.AttachStdout ?? false,
    AttachStderr: asked.AttachStderr ?? false,
    ...optional(asked),
    Tty: detail.tty,
    OpenStdin: detail.stdin,
    StdinOnce: asked.StdinOnce ?? false,
    Env: asked.Env ?? [],
    Cmd: cmd.length === 0 ? null : cmd,
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
    Image: asked.Image ?? '',
    Volumes: Object.keys(asked.Volumes ?? {}).length === 0 ? null : asked.Volumes,
    WorkingDir: asked.WorkingDir ?? '',
    Entrypoint: entrypoint.length === 0 ? null : entrypoint,
    ...(asked.NetworkDisabled === true ? { NetworkDisabled: true } : {}),
    OnBuild: onBuild.length === 0 ? null : onBuild,
    Labels: detail.labels,
  };
}

function optional(asked: CreateBody): Partial<CreateBody> {
  const given = OPTIONAL.filter((field) => {
    const value = asked[field];
    if (value === undefined || value === '') return false;
    return typeof value !== 'object' || Object.keys(value).length > 0;
  });
  return Object.fromEntries(given.map((field) => [field, asked[field]]));
}

/** Of its own, that of whose network it shares, or the host's. */
function hostnameOf({ id, spec }: ContainerDetail, { Hostname: hostname = '' }: CreateBody): string {
  if (hostname !== '') return hostname;
  return (spec as { hostname?: string }).hostname ?? id.slice(0, 12);
}

/** What was asked for; of other clients what is in force. */
function healthcheckOf({ healthcheck }: ContainerDetail, asked: CreateBody): CreateBody['Healthcheck'] {
  if (asked.Healthcheck !== undefined || asked.HostConfig === undefined) return asked.Healthcheck;
  if (healthcheck === undefined) return undefined;
  const { test, interval, timeout, startPeriod, retries } = healthcheck;
  return {
    ...(test === undefined ? {} : { Test: test }),
    ...(interval === undefined ? {} : { Interval: interval }),
    ...(timeout === undefined ? {} : { Timeout: timeout }),
    ...(startPeriod === undefined ? {} : { StartPeriod: startPeriod }),
    ...(retries === undefined ? {} : { Retries: retries }),
  };
}
