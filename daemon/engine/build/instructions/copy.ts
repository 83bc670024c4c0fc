/** COPY and ADD: files of the context, or of another image, as a layer. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UnreadableFile } from '../../../../native-bindings/open-in-root.ts';
import { shown } from '../../../images/errors.ts';
import { variablesOf } from '../../../images/manifest/changes.ts';
import { expanded, joinedPath, jsonWords } from '../../../images/manifest/dockerfile-words.ts';
import { SAME_IDS } from '../../../images/pack/id-maps.ts';
import { SpecError } from '../../../runtime/spec/error.ts';
import { resolveUser } from '../../../runtime/spec/users.ts';
import { EngineError } from '../../errors.ts';
import type { Job } from '../../files/jobs.ts';
import { bytesOf, textOf } from '../../files/path.ts';
import { isComparedOnly } from '../../files/view-of.ts';
import { LayeredRoot } from '../../from-image/layered-root.ts';
import { cachedStep, stepKey } from '../cache.ts';
import type { CopyDigest, CopySource, CopyTarget } from '../copy/copy.ts';
import type { Instruction } from '../dockerfile.ts';
import { BuildFailure, ofBuildKit, readFlags } from '../failure.ts';
import type { BuiltImage } from '../image.ts';
import { otherImage } from '../resolve.ts';
import { type Session, contextView, layersView, lowerOf, say } from '../session.ts';
import type { Stage } from '../stage.ts';
import { storeStep } from '../store-step.ts';
import { jsonOf } from '../thread-json.ts';

/** Bytes of the digest of a COPY. */
const DIGEST_MAX = 4096;
const OF_BUILDKIT = ['link', 'parents', 'exclude', 'checksum', 'keep-git-dir', 'unpack'];

interface Wanted {
  readonly from: CopySource;
  readonly path: string;
  readonly isDirectory: boolean;
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly mode: number | undefined;
}

/** Throws BuildFailure, `unsupported`, and as storeStep() does. */
export async function copy(session: Session, stage: Stage, instruction: Instruction): Promise<BuiltImage> {
  const { keyword } = instruction;
  try {
    const wanted = await wantedOf(session, stage, instruction);
    const { from, path, isDirectory, owner, mode } = wanted;
    const { digest, kind } = await digestOf(session, from);
    if (kind === 'multi' && !isDirectory) {
      throw new BuildFailure(
        `When using ${keyword} with more than one source file, the destination must be a directory and end with a /`,
      );
    }
    const shown = isDirectory && path !== '/' ? `${path}/` : path;
    const key = stepKey(session, stage, [keyword, digest, kind, path, isDirectory, owner, mode ?? null, from.unpacks]);
    const createdBy = `/bin/sh -c #(nop) ${keyword} ${kind}:${digest} in ${shown} `;
    return await fileStep(session, stage, { key, createdBy }, (view) => {
      const to: CopyTarget = { view, path: resolvedPath(stage, path), isDirectory, owner, mode };
      return { do: 'copy-files', from, to };
    });
  } catch (error) {
    throw failed(error, keyword);
  }
}

/** A step that writes files and runs nothing; `job` does it in the view that it is given. */
export async function fileStep(
  session: Session,
  stage: Stage,
  { key, createdBy }: { readonly key: string; readonly createdBy: string },
  job: (view: CopyTarget['view']) => Job,
): Promise<BuiltImage> {
  const cached = await cachedStep(session, key);
  if (cached !== undefined) {
    await say(session, ' ---> Using cache\n');
    return cached;
  }
  const { context, signal } = session;
  const directory = join(session.directory, key);
  await mkdir(directory, { mode: 0o700 });
  try {
    const view = layersView(session, stage.image.directories, {
      upper: join(directory, 'upper'),
      work: join(directory, 'work'),
    });
    const work = await context.files.begin(job(view), signal);
    await work.done;
    const layer = await context.files.begin(layerJob(session, stage, view, directory), signal);
    return await storeStep(session, stage, { key, createdBy, layer });
  } finally {
    await context.trees.remove(directory);
  }
}

function layerJob({ context, directory }: Session, { image }: Stage, view: CopyTarget['view'], own: string): Job {
  const source = isComparedOnly()
    ? ({ is: 'tree', view } as const)
    : ({ is: 'upper', directory: join(own, 'upper') } as const);
  const of = {
    ...{ source, userxattr: false, lower: lowerOf(directory, image.directories) },
    ...{ mountPoint: context.places.mountPoint, ids: SAME_IDS, mountPoints: [] },
  };
  return { do: 'layer', from: { is: 'difference', of } };
}

async function wantedOf(session: Session, stage: Stage, instruction: Instruction): Promise<Wanted> {
  const { keyword, heredocs } = instruction;
  if (heredocs.length > 0) throw ofBuildKit(`${keyword} of a here-document`);
  const known = keyword === 'COPY' ? ['from', 'chown', 'chmod'] : ['chown', 'chmod'];
  const flags = readFlags(instruction, known, OF_BUILDKIT);
  const words = wordsIn(stage, instruction);
  const destination = words.at(-1) ?? '';
  const paths = words.slice(0, -1);
  const remote = paths.find((path) => keyword === 'ADD' && /^(?:https?|ftp|git|ssh):\/\/|^git@/i.test(path));
  if (remote !== undefined) {
    throw new EngineError('unsupported', 'ADD of a URL: the daemon fetches nothing for a build', {
      hint: 'fetch it in a RUN, or put it into the context',
    });
  }
  const isDirectory = /(?:^|\/)\.?$/.test(destination) || paths.length > 1 && destination.endsWith('/');
  const [from, chown, chmod] = [flags.get('from'), flags.get('chown'), flags.get('chmod')];
  const { hidden } = session;
  const source = from === undefined ? undefined : await otherImage(session, from);
  return {
    from: {
      view: source === undefined ? contextView(session) : layersView(session, source.directories),
      paths,
      hidden: source === undefined ? hidden : [],
      unpacks: keyword === 'ADD',
    },
    path: joinedPath(stage.run.workingDir ?? '/', destination),
    isDirectory,
    owner: chown === undefined ? { uid: 0, gid: 0 } : ownerOf(stage, expandedIn(stage, chown)),
    mode: chmod === undefined ? undefined : modeOf(expandedIn(stage, chmod)),
  };
}

function wordsIn(stage: Stage, { keyword, rest }: Instruction): string[] {
  const words = (jsonWords(rest) ?? rest.split(/[ \t\r\n\v\f]+/)).map((word) => expandedIn(stage, word));
  if (words.length >= 2 && words.every((word) => word !== '')) return words;
  throw new EngineError('dockerfile_invalid', `${keyword} requires at least two arguments`);
}

function expandedIn(stage: Stage, text: string): string {
  return expanded(text, variablesOf(stage), stage.escape);
}

/** As Docker has it: a user alone stands for the group of the same name, or number. */
function ownerOf({ image }: Stage, chown: string): { readonly uid: number; readonly gid: number } {
  const [user = '', group = user] = chown.split(':');
  return lookedUp(image, (root) => {
    try {
      const { uid, gid } = resolveUser({ root, user: `${user}:${group}` });
      return { uid, gid };
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      throw new BuildFailure(`--chown: ${error.message}`, { cause: error });
    }
  });
}

/** Where links of the image lead, also to what is not there. Throws BuildFailure. */
export function resolvedPath({ image }: Stage, path: string): string {
  return lookedUp(image, (root) => {
    try {
      return textOf(root.resolve(bytesOf(path)).path);
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error;
      throw new BuildFailure(`${shown(path)} leads nowhere: ${error.message}`, { cause: error });
    }
  });
}

function lookedUp<T>({ directories }: BuiltImage, look: (root: LayeredRoot) => T): T {
  const root = new LayeredRoot(directories);
  try {
    return look(root);
  } finally {
    root.close();
  }
}

function modeOf(text: string): number {
  if (/^0*[0-7]{1,4}$/.test(text)) return parseInt(text, 8);
  throw new EngineError('dockerfile_invalid', `--chmod: "${text.slice(0, 64)}" is not of octal digits, such as 0755`);
}

async function digestOf({ context, signal }: Session, from: CopySource): Promise<CopyDigest> {
  const work = await context.files.begin({ do: 'copy-digest', from }, signal);
  return (await jsonOf(work, DIGEST_MAX)) as CopyDigest;
}

/** What goes wrong with files, in words about the step. */
function failed(error: unknown, keyword: string): unknown {
  if (!(error instanceof EngineError) || error instanceof BuildFailure) return error;
  const { code, message } = error;
  if (code === 'path_not_found') {
    const why = message.startsWith('no source') ? message : `${message}: it is not in the build context, or left out by .dockerignore`;
    return new BuildFailure(`${keyword} failed: ${why}`, { cause: error });
  }
  const ofFiles = ['invalid_field', 'not_a_directory', 'path_is_busy', 'unsupported', 'archive_invalid', 'image_too_large'];
  if (!ofFiles.includes(code) || error.hint !== undefined) return error;
  return new BuildFailure(`${keyword} failed: ${message}`, { cause: error });
}
