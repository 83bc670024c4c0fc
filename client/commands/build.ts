import { rmSync } from 'node:fs';
import type { BuildResponse } from '../../shared/api/build.ts';
import type { Arguments } from '../arguments.ts';
import { directoryContext, standardContext } from '../build/context.ts';
import { BuildOutput } from '../build/output.ts';
import type { Command, Context, Flag } from '../command.ts';
import { registryConfigHeaders } from '../credentials/store.ts';
import { EXIT, UsageError } from '../errors.ts';
import { NO_CONTENT_TRUST, PLATFORM } from './pull.ts';

const BUILDKIT = 'it is of BuildKit; instructions and flags are those of the classic builder';
const refused = (name: string, refusedBecause: string, type: Flag['type'] = 'string'): Flag => {
  return { name, type, summary: '', refused: refusedBecause };
};

export const build: Command = {
  name: 'build',
  usage: '[OPTIONS] PATH|-',
  summary: 'Build an image of a Dockerfile',
  notes: [
    'PATH is the context: a directory, of which .dockerignore may leave things out. "-" is a context as a tar archive on stdin, plain or compressed, or a Dockerfile alone.',
    'Every step is kept as an image without a name: the same step on the same image, with the same files, is not done again. "tare builder prune" takes away what no image has need of.',
  ],
  flags: [
    { name: 'add-host', type: 'list', value: 'NAME:ADDRESS', summary: 'a line of /etc/hosts, for RUN' },
    {
      name: 'build-arg',
      type: 'list',
      value: 'NAME[=VALUE]',
      summary: 'a value for ARG; without one that of the environment',
    },
    {
      name: 'cache-from',
      type: 'list',
      value: 'IMAGE',
      summary: 'accepted for docker; steps that are kept here are found without it',
    },
    { name: 'cpu-period', type: 'integer', value: 'MICROSECONDS', summary: 'of RUN: period of cpu-quota' },
    { name: 'cpu-quota', type: 'integer', value: 'MICROSECONDS', summary: 'of RUN: CPU time in each period' },
    { name: 'cpu-shares', short: 'c', type: 'integer', value: 'N', summary: 'of RUN: share of the CPU' },
    { name: 'cpuset-cpus', type: 'string', value: 'LIST', summary: 'of RUN: CPUs, such as 0-2,4' },
    { name: 'cpuset-mems', type: 'string', value: 'LIST', summary: 'of RUN: memory nodes' },
    {
      name: 'file',
      short: 'f',
      type: 'string',
      value: 'FILE',
      summary: 'the Dockerfile; "-" is stdin',
      default: 'PATH/Dockerfile',
      completes: 'file',
    },
    { name: 'iidfile', type: 'string', value: 'FILE', summary: "write the image's id to it", completes: 'file' },
    { name: 'label', type: 'list', value: 'KEY[=VALUE]', summary: 'a label of the image' },
    { name: 'memory', short: 'm', type: 'string', value: 'BYTES', summary: 'of RUN: memory limit' },
    {
      name: 'memory-swap',
      type: 'string',
      value: 'BYTES',
      summary: 'of RUN: memory and swap together; -1 is unlimited swap',
    },
    { name: 'network', type: 'string', value: 'MODE', summary: 'of RUN: none, host, bridge, or the name of a network' },
    { name: 'no-cache', type: 'boolean', summary: 'do every step anew' },
    PLATFORM,
    { name: 'pull', type: 'boolean', summary: 'ask registries also for base images that are here' },
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show only the id' },
    { name: 'shm-size', type: 'string', value: 'BYTES', summary: 'of RUN: size of /dev/shm' },
    { name: 'tag', short: 't', type: 'list', value: 'NAME[:TAG]', summary: 'a name of the image' },
    { name: 'target', type: 'string', value: 'STAGE', summary: 'the stage to end with' },
    NO_CONTENT_TRUST,
    refused('squash', 'layers are not made into one', 'boolean'),
    refused('compress', 'the context goes through a local socket', 'boolean'),
    refused('cgroup-parent', 'containers of a build are where others are'),
    refused('isolation', 'there is one kind of isolation'),
    refused('security-opt', 'containers of a build are as others are'),
    refused('ulimit', 'containers of a build are as others are'),
    ...['secret', 'ssh', 'output', 'progress', 'builder', 'cache-to', 'build-context', 'allow'].map((name) =>
      refused(name, BUILDKIT),
    ),
    ...['load', 'push'].map((name) => refused(name, BUILDKIT, 'boolean')),
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  run: runBuild,
};

async function runBuild(input: Arguments, { daemon, environment }: Context): Promise<number> {
  const [source = ''] = input.operands;
  const file = input.string('file');
  if (source === '-' && file === '-') throw new UsageError('stdin cannot be both the context and the Dockerfile');
  const { upload, dockerfile } = source === '-' ? await standardContext(file) : await directoryContext(source, file);
  const iidfile = input.string('iidfile');
  // one that is there from before would be taken for the answer
  if (iidfile !== undefined) rmSync(iidfile, { force: true });
  const headers = await registryConfigHeaders(environment);
  const output = new BuildOutput(input.boolean('quiet'));
  try {
    const query = { ...queryOf(input, environment), dockerfile };
    const made = await daemon.progress<BuildResponse>('/build', { query, upload, headers }, output.take);
    output.finish(made, iidfile);
    return 0;
  } catch (error) {
    throw output.failed(error);
  }
}

function queryOf(input: Arguments, environment: NodeJS.ProcessEnv) {
  const flag = (name: string): true | undefined => (input.boolean(name) ? true : undefined);
  return {
    tag: input.list('tag'),
    target: input.string('target'),
    buildArg: input.list('build-arg').flatMap((text) => argumentOf(text, environment)),
    label: input.list('label'),
    noCache: flag('no-cache'),
    pull: flag('pull'),
    platform: input.string('platform'),
    network: input.string('network'),
    memory: input.string('memory'),
    memorySwap: input.string('memory-swap'),
    cpuShares: input.integer('cpu-shares'),
    cpuPeriod: input.integer('cpu-period'),
    cpuQuota: input.integer('cpu-quota'),
    cpuset: input.string('cpuset-cpus'),
    cpusetMems: input.string('cpuset-mems'),
    shmSize: input.string('shm-size'),
    extraHost: input.list('add-host'),
    cacheFrom: input.list('cache-from').flatMap((text) => text.split(',')),
  };
}

/** A name alone is that of a variable of the environment; one that is not there says nothing. */
function argumentOf(text: string, environment: NodeJS.ProcessEnv): string[] {
  if (text.includes('=')) return [text];
  const value = environment[text];
  return value === undefined ? [] : [`${text}=${value}`];
}
