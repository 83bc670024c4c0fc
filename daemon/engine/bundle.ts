/** An OCI bundle, taken as it is: its config.json, and the root directory that it names. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CreateRequest } from '../../shared/api/container.ts';
import { mergeSpec } from '../runtime/spec/default-spec.ts';
import { parseJson } from '../runtime/spec/json.ts';
import type { Spec } from '../runtime/spec/types.ts';
import { validateSpec } from '../runtime/spec/validate.ts';
import { EngineError } from './errors.ts';
import { normalLimits, withLimits } from './limits.ts';
import { realDirectory } from './root-source.ts';
import { requestError } from './spec-error.ts';

const CONFIG_SIZE_MAX = 4 * 1024 * 1024;

/** What config.json says itself; a request changes it by `oci`. */
const SAID_BY_BUNDLE = [
  'rootfs',
  'rootfsMode',
  'command',
  'entrypoint',
  'env',
  'workdir',
  'user',
  'groups',
  'umask',
  'hostname',
  'domainname',
  'tty',
  'ulimits',
  'oomScoreAdj',
  'mounts',
  'devices',
  'sysctls',
  'capabilities',
  'security',
  'pid',
  'ipc',
  'uts',
  'cgroupNamespace',
  'shmSize',
  'deviceRules',
  'gpus',
] as const satisfies readonly (keyof CreateRequest)[];

export interface Bundle {
  /** Real path. */
  readonly directory: string;
  readonly rootfs: string;
  /** It has a directory `lower`: nothing is written there, what is written goes to a layer of the container's own. */
  readonly isLower: boolean;
  readonly spec: Spec;
  /** What config.json says in vain and was left out. */
  readonly warnings: readonly string[];
}

export function readBundle(request: CreateRequest & { bundle: string }): Bundle {
  for (const field of SAID_BY_BUNDLE) {
    if (request[field] === undefined) continue;
    throw invalid(field, 'the bundle says it: change it by oci, or leave the bundle out');
  }
  const directory = realDirectory(request.bundle, 'bundle');
  try {
    const config: unknown = parseJson(readConfig(directory), 'config.json');
    const warnings: string[] = [];
    const warn = (field: string, problem: string): number => warnings.push(`config.json: ${field}: ${problem}`);
    const base = validateSpec(config, { unknown: 'ignore', warn });
    const merged = request.oci === undefined ? base : validateSpec(mergeSpec(base, request.oci), { unknown: 'refuse' });
    const spec = limited(merged, request);
    if (spec.root === undefined) throw invalid('bundle', 'config.json: root is missing');
    if (spec.process?.args === undefined || spec.process.args.length === 0) {
      throw invalid('bundle', 'config.json: process.args is missing');
    }
    const isLower = statSync(`${directory}/lower`, { throwIfNoEntry: false })?.isDirectory() === true;
    if (!isLower && request.upper !== undefined) {
      throw invalid('upper', 'the bundle has no directory "lower": its root is used directly');
    }
    const rootfs = realDirectory(isLower ? `${directory}/lower` : resolve(directory, spec.root.path), 'bundle');
    return { directory, rootfs, isLower, spec, warnings };
  } catch (error) {
    throw requestError(error);
  }
}

function limited(spec: Spec, request: CreateRequest): Spec {
  if (request.limits === undefined) return spec;
  const resources = withLimits(spec.linux?.resources ?? {}, normalLimits(request.limits));
  return { ...spec, linux: { ...spec.linux, resources } };
}

function readConfig(directory: string): string {
  const path = `${directory}/config.json`;
  try {
    const { size } = statSync(path);
    if (size > CONFIG_SIZE_MAX)
      throw invalid('bundle', `${path} has ${String(size)} bytes, at most ${String(CONFIG_SIZE_MAX)} are read`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new EngineError('invalid_field', `bundle: ${path}: ${code}`, { field: 'bundle', cause: error });
  }
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
