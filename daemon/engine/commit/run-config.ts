/** How containers of a committed image run: as its container was asked to, and where nothing was asked, as its image says. */
import type { CreateRequest } from '../../../shared/api/container.ts';
import type { RunConfig } from '../../images/manifest/image-config.ts';
import type { Spec } from '../../runtime/spec/types.ts';
import { mergeHealthcheck } from '../health/in-force.ts';
import { mergeEnv } from '../../runtime/spec/default-spec.ts';

/** Where there is no image below, the environment and working directory are what the spec gave the container. */
export function committedRun(request: CreateRequest, base: RunConfig | undefined, spec: Spec): RunConfig {
  const run = base ?? runOfSpec(spec);
  const env = mergeEnv(run.env ?? [], request.env ?? []);
  const labels = { ...run.labels, ...request.labels };
  const ports = union(run.exposedPorts, publishedPorts(request));
  const healthcheck = mergeHealthcheck(request.healthcheck, run.healthcheck);
  const { user = run.user, workdir: workingDir = run.workingDir, stopSignal = run.stopSignal } = request;
  return {
    ...run,
    ...(env.length === 0 ? {} : { env }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(ports.length === 0 ? {} : { exposedPorts: ports }),
    ...(user === undefined ? {} : { user }),
    ...(workingDir === undefined ? {} : { workingDir }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ...(healthcheck === undefined ? {} : { healthcheck }),
    ...commandOf(request, run),
  };
}

function runOfSpec({ process }: Spec): RunConfig {
  if (process === undefined) return {};
  // what every container has, or what is this one's alone
  const env = (process.env ?? []).filter((variable) => !/^(?:HOME|HOSTNAME|TERM)=/.test(variable));
  return { env, workingDir: process.cwd, ...(process.args === undefined ? {} : { cmd: process.args }) };
}

/** Whoever names another entry point does not want the command that was meant for the image's. */
function commandOf({ command, entrypoint }: CreateRequest, run: RunConfig): Pick<RunConfig, 'entrypoint' | 'cmd'> {
  const first = entrypoint ?? run.entrypoint;
  const isOther = entrypoint !== undefined && entrypoint.length > 0;
  const cmd = command ?? (isOther ? undefined : run.cmd);
  return {
    ...(first === undefined ? {} : { entrypoint: first }),
    ...(cmd === undefined ? {} : { cmd }),
  };
}

/** As Docker has it: a port that is published is one that the program listens on. */
function publishedPorts({ network }: CreateRequest): string[] {
  return (network?.publish ?? []).flatMap(({ containerPort, count = 1, protocol = 'tcp' }) =>
    Array.from({ length: count }, (_, index) => `${containerPort + index}/${protocol}`),
  );
}

/** Words that are there once, in the order they came to be. */
function union(present: readonly string[] = [], more: readonly string[]): string[] {
  return [...new Set([...present, ...more])];
}
