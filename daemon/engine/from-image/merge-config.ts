/**
 * What an image says of how its containers run, where the request says nothing else: as Docker merges them. It is what a
 * stranger wrote: nothing in it has a meaning on the host, and what cannot be is told as the image's fault.
 */
import { posix } from 'node:path';
import type { CreateRequest } from '../../../shared/api/container.ts';
import { shown } from '../../images/errors.ts';
import type { RunConfig } from '../../images/manifest/image-config.ts';
import { EngineError } from '../errors.ts';
import type { ImageRoot } from './image-root.ts';

/** As the schema of requests has it: shared/api/common.ts, Labels. */
const LABEL_KEY_MAX = 1024;
const VOLUMES_MAX = 1024;

/** The request with the image's part in it. Its `command` is the whole. */
export function withImageConfig(request: CreateRequest, { config }: ImageRoot): CreateRequest {
  const { run } = config;
  const command = commandOf(request, run);
  const user = request.user ?? run.user;
  const workdir = request.workdir ?? workingDirectory(run);
  const stopSignal = request.stopSignal ?? run.stopSignal;
  return {
    ...request,
    entrypoint: [],
    command,
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
    env: [...(run.env ?? []).filter((variable) => variable.indexOf('=') > 0), ...(request.env ?? [])],
    labels: labelsOf(request, run),
  };
}

/** Whoever names another entry point does not want the command that was meant for the image's. */
function commandOf({ command, entrypoint }: CreateRequest, run: RunConfig): string[] {
  if (entrypoint !== undefined && entrypoint.length > 0) return [...entrypoint, ...(command ?? [])];
  const first = entrypoint ?? run.entrypoint ?? [];
  return [...first, ...(command ?? run.cmd ?? [])];
}

/** Relative ones begin at the root. */
function workingDirectory({ workingDir }: RunConfig): string | undefined {
  return workingDir === undefined ? undefined : posix.resolve('/', workingDir);
}

function labelsOf({ labels }: CreateRequest, run: RunConfig): Record<string, string> {
  const ofImage = Object.entries(run.labels ?? {}).filter(([key]) => key !== '' && key.length <= LABEL_KEY_MAX);
  return Object.fromEntries([...ofImage, ...Object.entries(labels ?? {})]);
}

/** Where the image wants volumes, each once, those that lie in another after it. Throws `image_unsupported`. */
export function imageVolumes({ asked, config }: ImageRoot): string[] {
  const targets = new Set((config.run.volumes ?? []).map((path) => posix.resolve('/', path)));
  if (targets.size > VOLUMES_MAX)
    throw unsupported(asked, `it wants ${targets.size} volumes, ${VOLUMES_MAX} are allowed`);
  for (const target of targets) {
    if (target === '/' || target === '/proc' || target.startsWith('/proc/')) {
      throw unsupported(asked, `its volume ${shown(target)} cannot be: nothing but proc may be mounted there`);
    }
  }
  return [...targets].sort((left, right) => depthOf(left) - depthOf(right) || (left < right ? -1 : 1));
}

function depthOf(path: string): number {
  return path.split('/').length;
}

/** Fields of a request, and what the image's configuration calls them. */
const OF_IMAGE = [
  ['user', 'User'],
  ['workdir', 'WorkingDir'],
  ['env', 'Env'],
  ['stopSignal', 'StopSignal'],
] as const;

/** An error of a field that the request does not have is the image's: `image_unsupported`. Others stay. */
export function blamedOnImage(error: unknown, request: CreateRequest, { asked, config }: ImageRoot): unknown {
  if (!(error instanceof EngineError) || error.field === undefined) return error;
  const field = error.field.split(/[.[]/, 1).join('');
  if (field === 'command' && request.command === undefined && request.entrypoint === undefined) {
    const isEmpty = (config.run.cmd ?? []).length + (config.run.entrypoint ?? []).length === 0;
    if (isEmpty)
      return new EngineError('invalid_field', `command: is missing, and image "${asked}" has none`, { field });
    return unsupported(asked, `its Entrypoint and Cmd: ${messageOf(error)}`, error);
  }
  const ofImage = OF_IMAGE.find(([name]) => name === field);
  if (ofImage === undefined || (field !== 'env' && request[ofImage[0]] !== undefined)) return error;
  return unsupported(asked, `its ${ofImage[1]}: ${messageOf(error)}`, error);
}

function messageOf({ message, field }: EngineError): string {
  return shown(message.startsWith(`${field ?? ''}: `) ? message.slice((field ?? '').length + 2) : message);
}

function unsupported(asked: string, problem: string, cause?: unknown): EngineError {
  return new EngineError('image_unsupported', `image "${asked}": ${problem}`, {
    field: 'image',
    ...(cause === undefined ? {} : { cause }),
  });
}
