/** The Dockerfile of an unpacked context, read by the thread that unpacked it: a megabyte of a stranger's takes its time. */
import { closeSync, constants, openSync } from 'node:fs';
import { posix } from 'node:path';
import { O_PATH } from '../../../../native-bindings/directory-entries.ts';
import { SystemError } from '../../../../native-bindings/libc.ts';
import { UnreadableFile, openInRoot, readFound } from '../../../../native-bindings/open-in-root.ts';
import { InvalidPattern } from '../../../../shared/dockerignore.ts';
import { shown } from '../../../images/errors.ts';
import { DOCKERFILE_MAX, type Dockerfile, parseDockerfile } from '../dockerfile.ts';
import { IGNORE_FILE, hiddenFiles } from '../ignore.ts';
import { InvalidDockerfile } from '../invalid-dockerfile.ts';

/** Crosses the border between threads as JSON. */
export type ReadDockerfile =
  | { readonly is: 'read'; readonly dockerfile: Dockerfile; readonly hidden: readonly string[] }
  | { readonly is: 'invalid'; readonly message: string }
  | { readonly is: 'failed'; readonly message: string };

/** `path`: in the context. Throws what Node throws. */
export function readDockerfile(directory: string, path: string): ReadDockerfile {
  const name = posix.normalize(`/${path}`).slice(1);
  const root = openSync(directory, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const text = readText(root, name);
    if (text === undefined) return { is: 'failed', message: `Cannot locate specified Dockerfile: ${shown(path)}` };
    const ignore = readText(root, IGNORE_FILE);
    const hidden = ignore === undefined ? [] : hiddenFiles(ignore, name);
    return { is: 'read', dockerfile: parseDockerfile(text), hidden };
  } catch (error) {
    if (error instanceof InvalidDockerfile) return { is: 'invalid', message: error.message };
    if (error instanceof InvalidPattern) return { is: 'failed', message: `${IGNORE_FILE}: ${error.message}` };
    const isUnreadable = error instanceof UnreadableFile || error instanceof SystemError;
    if (isUnreadable) return { is: 'failed', message: `the Dockerfile cannot be read: ${shown(error.message)}` };
    throw error;
  } finally {
    closeSync(root);
  }
}

/** Links end in the context. Undefined where there is none. */
function readText(root: number, name: string): string | undefined {
  let found: number | undefined;
  try {
    found = openInRoot(root, name === '' ? '.' : name);
    return readFound(found, name, DOCKERFILE_MAX).toString();
  } catch (error) {
    if (error instanceof SystemError && ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.code)) return undefined;
    throw error;
  } finally {
    if (found !== undefined) closeSync(found);
  }
}
