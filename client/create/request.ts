/** Flags of `create` and `run` as the API's CreateRequest. What the daemon checks is not checked twice. */
import { resolve } from 'node:path';
import type { CreateRequest } from '../../shared/api/container.ts';
import type { Arguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { parseInterface, pinsOf } from '../network/interface.ts';
import { networkOf } from '../network/request.ts';
import { dutiesOf } from './duties.ts';
import { environmentOf, labelsOf, readJsonObject } from './environment.ts';
import { limitsOf } from './limits.ts';
import { logOf } from './log.ts';
import { parseMount } from './mount-fields.ts';
import { parseDevice, parseTmpfs, parseVolume } from './mounts.ts';
import { parseSecret } from './secrets.ts';
import { securityOf } from './security.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Operands are the image and the command; behind --rootfs and --bundle the command alone. Throws UsageError and, for a file that cannot be read, CliError. */
export function createRequest(input: Arguments, own: NodeJS.ProcessEnv): CreateRequest {
  const { root, command } = rootOf(input);
  const request: Mutable<CreateRequest> = { ...root };
  Object.assign(request, {
    ...text(input, 'name', 'name'),
    ...text(input, 'user', 'user'),
    ...text(input, 'workdir', 'workdir'),
    ...text(input, 'hostname', 'hostname'),
    ...text(input, 'domainname', 'domainname'),
    ...text(input, 'umask', 'umask'),
    ...text(input, 'stop-signal', 'stopSignal'),
    ...text(input, 'detach-keys', 'detachKeys'),
    ...upperOf(input),
    ...number(input, 'stop-timeout', 'stopTimeout'),
    ...number(input, 'oom-score-adj', 'oomScoreAdj'),
  });
  if (command.length > 0) request.command = [...command];
  const entrypoint = input.string('entrypoint');
  if (entrypoint !== undefined) request.entrypoint = entrypoint === '' ? [] : [entrypoint];
  if (input.boolean('tty')) request.tty = true;
  if (input.boolean('interactive')) request.stdin = true;
  if (input.boolean('rm')) request.autoRemove = true;
  if (input.boolean('init')) request.init = true;
  const env = environmentOf(input.list('env'), input.list('env-file'), own);
  if (env.length > 0) request.env = [...env];
  const labels = labelsOf(input.list('label'), input.list('label-file'));
  if (Object.keys(labels).length > 0) request.labels = labels;
  if (input.has('group-add')) request.groups = [...input.list('group-add')];
  setLimits(request, input);
  setFiles(request, input, own);
  setIsolation(request, input);
  setNetwork(request, input);
  const log = logOf(input);
  if (log !== undefined) request.log = log;
  Object.assign(request, dutiesOf(input));
  const oci = input.string('oci');
  if (oci !== undefined) request.oci = readJsonObject(oci);
  return request;
}

interface Root {
  readonly root: CreateRequest;
  readonly command: readonly string[];
}

/** An image is the first operand; a directory or bundle is given by its flag. */
function rootOf(input: Arguments): Root {
  const rootfs = input.string('rootfs');
  const bundle = input.string('bundle');
  if (rootfs !== undefined && bundle !== undefined) throw new UsageError('--rootfs and --bundle exclude each other');
  if (rootfs === undefined && bundle === undefined) return imageRoot(input);
  const flag = ['platform', 'pull'].find((name) => input.has(name));
  if (flag !== undefined) throw new UsageError(`--${flag} is for images, not for --rootfs and --bundle`);
  const root = bundle === undefined ? directoryRoot(rootfs ?? '') : { bundle: resolve(bundle) };
  return { root, command: input.operands };
}

function imageRoot(input: Arguments): Root {
  const [image, ...command] = input.operands;
  if (image === undefined) {
    throw new UsageError('an image, --rootfs DIR or --bundle DIR is needed', {
      hint: '"--rootfs /" is a disposable copy of this machine',
    });
  }
  if (image === '') throw new UsageError('the name of the image is empty');
  return { root: { image, ...text(input, 'platform', 'platform') }, command };
}

/** "DIR[:MODE]" */
function directoryRoot(rootfs: string): CreateRequest {
  const mode = /^(.*):(ro|rw|overlay)$/s.exec(rootfs);
  const directory = mode?.[1] ?? rootfs;
  if (directory === '') throw new UsageError(`--rootfs "${rootfs}" names no directory`);
  const root: Mutable<CreateRequest> = { rootfs: resolve(directory) };
  if (mode !== null) root.rootfsMode = mode[2] as 'ro' | 'rw' | 'overlay';
  return root;
}

function upperOf(input: Arguments): Record<string, string> {
  if (!input.boolean('tmpfs-root')) return text(input, 'upper', 'upper');
  if (input.has('upper') && input.string('upper') !== 'tmpfs') {
    throw new UsageError('--tmpfs-root and --upper exclude each other');
  }
  return { upper: 'tmpfs' };
}

function text(input: Arguments, flag: string, property: string): Record<string, string> {
  const value = input.string(flag);
  return value === undefined ? {} : { [property]: value };
}

/** As with docker, what does not begin at the root is taken from there. */
function cgroupParent(path: string | undefined): Record<string, string> {
  if (path === undefined) return {};
  return { cgroupParent: path.startsWith('/') ? path : `/${path}` };
}

function number(input: Arguments, flag: string, property: string): Record<string, number> {
  const value = input.integer(flag);
  return value === undefined ? {} : { [property]: value };
}

function setLimits(request: Mutable<CreateRequest>, input: Arguments): void {
  const limits = limitsOf(input);
  if (Object.keys(limits).length > 0) request.limits = limits;
  if (input.has('ulimit')) request.ulimits = input.list('ulimit').map(parseUlimit);
}

/** "NAME=SOFT[:HARD]"; -1 and "unlimited" are the same. */
export function parseUlimit(word: string): { name: string; soft: number; hard: number } {
  const parts = /^([a-z]+)=(-1|\d+|unlimited)(?::(-1|\d+|unlimited))?$/.exec(word);
  if (parts === null) throw new UsageError(`--ulimit "${word}" is not NAME=SOFT[:HARD]`);
  const [, name = '', soft = '', hard = soft] = parts;
  const count = (value: string): number => (value === 'unlimited' ? -1 : Number(value));
  return { name, soft: count(soft), hard: count(hard) };
}

function setFiles(request: Mutable<CreateRequest>, input: Arguments, own: NodeJS.ProcessEnv): void {
  const mounts = [
    ...input.list('volume').map(parseVolume),
    ...input.list('mount').map(parseMount),
    ...input.list('tmpfs').map(parseTmpfs),
  ];
  if (mounts.length > 0) request.mounts = mounts;
  if (input.has('device')) request.devices = input.list('device').map(parseDevice);
  if (input.has('device-cgroup-rule')) request.deviceRules = [...input.list('device-cgroup-rule')];
  if (input.has('secret')) request.secrets = input.list('secret').map((word) => parseSecret(word, own));
  Object.assign(request, text(input, 'shm-size', 'shmSize'));
}

function setIsolation(request: Mutable<CreateRequest>, input: Arguments): void {
  Object.assign(request, {
    ...text(input, 'pid', 'pid'),
    ...text(input, 'ipc', 'ipc'),
    ...text(input, 'uts', 'uts'),
    ...text(input, 'cgroupns', 'cgroupNamespace'),
    ...cgroupParent(input.string('cgroup-parent')),
  });
  if (input.has('sysctl')) request.sysctls = Object.fromEntries(input.list('sysctl').map(parseSysctl));
  const add = input.list('cap-add');
  const drop = input.list('cap-drop');
  if (add.length + drop.length > 0) {
    request.capabilities = {
      ...(add.length === 0 ? {} : { add: [...add] }),
      ...(drop.length === 0 ? {} : { drop: [...drop] }),
    };
  }
  const security = securityOf(input.list('security-opt'));
  if (input.boolean('privileged')) security.privileged = true;
  if (input.boolean('read-only')) security.readonlyRootfs = true;
  if (Object.keys(security).length > 0) request.security = security;
}

function setNetwork(request: Mutable<CreateRequest>, input: Arguments): void {
  const network = networkOf(input);
  if (network !== undefined) request.network = network;
  if (input.has('interface')) request.interfaces = input.list('interface').map(parseInterface);
  if (input.has('pin-namespace')) request.pinNamespaces = pinsOf(input.list('pin-namespace'));
  if (input.has('mkdir')) request.mkdir = input.list('mkdir').map((path) => resolve(path));
}

function parseSysctl(word: string): [string, string] {
  const equals = word.indexOf('=');
  if (equals < 1) throw new UsageError(`--sysctl "${word}" is not NAME=VALUE`);
  return [word.slice(0, equals), word.slice(equals + 1)];
}
