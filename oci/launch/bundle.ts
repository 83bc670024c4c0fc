/** An OCI bundle as runc takes it: config.json, in which what is unknown is passed over, and the root that it names. */
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseJson } from '../../daemon/runtime/spec/json.ts';
import type { Spec } from '../../daemon/runtime/spec/types.ts';
import { validateSpec } from '../../daemon/runtime/spec/validate.ts';
import { OciError, codeOf, messageOf } from '../errors.ts';

const CONFIG_SIZE_MAX = 16 * 1024 * 1024;

export interface Bundle {
  /** Real path. */
  readonly directory: string;
  /** Real path. */
  readonly rootfs: string;
  readonly spec: Spec;
}

/** A regular file of JSON. Throws OciError where it cannot be read, SpecError where it is no JSON. */
export function readJsonFile(path: string): unknown {
  try {
    return parseJson(readBounded(path), path);
  } catch (error) {
    if (error instanceof OciError || codeOf(error) === '') throw error;
    throw new OciError(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** What is no regular file might have no end, or wait for ever to be opened. */
function readBounded(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new OciError(`${path} is not a regular file`);
    if (status.size > CONFIG_SIZE_MAX) {
      throw new OciError(`${path} has ${status.size} bytes, at most ${CONFIG_SIZE_MAX} are read`);
    }
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function realDirectory(path: string, what: string): string {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    throw new OciError(`${what} ${path}: ${messageOf(error)}`, { cause: error });
  }
  if (!statSync(real).isDirectory()) throw new OciError(`${what} ${path} is not a directory`);
  return real;
}

/** `warn`: told of what is passed over although it is known. Throws OciError, SpecError. */
export function readBundle(path: string, warn: (text: string) => void): Bundle {
  const directory = realDirectory(resolve(path), 'the bundle');
  const spec = validateSpec(readJsonFile(join(directory, 'config.json')), {
    unknown: 'ignore',
    warn: (field, problem) => warn(`${field}: ${problem}`),
  });
  if (spec.root === undefined) throw new OciError(`${directory}/config.json: root is missing`);
  return { directory, rootfs: realDirectory(resolve(directory, spec.root.path), 'the root file system'), spec };
}
