/** One build while it goes on: what all of its steps work with. */
import { join } from 'node:path';
import type { BuildQuery } from '../../../shared/api/build.ts';
import type { Tell } from '../../api/engine.ts';
import type { Platform } from '../../images/manifest/platform.ts';
import { SAME_IDS } from '../../images/pack/id-maps.ts';
import type { Context } from '../context.ts';
import type { ViewSource } from '../files/view-source.ts';
import type { LeasedWork } from '../images/work.ts';
import type { BuildArguments } from './arguments.ts';
import type { RegistryAuths } from './auths.ts';
import type { Escape } from './dockerfile.ts';
import type { Stage } from './stage.ts';

export interface Session {
  readonly context: Context;
  readonly query: BuildQuery;
  readonly work: LeasedWork;
  readonly signal: AbortSignal;
  readonly tell: Tell;
  readonly auths: RegistryAuths;
  readonly args: BuildArguments;
  readonly platform: Platform;
  readonly escape: Escape;
  /** 32 hexadecimal digits: of its directory, and of its containers' label. */
  readonly id: string;
  /** Of its own: the context, and what steps write. */
  readonly directory: string;
  /** Paths in the context that are not there for any step. */
  readonly hidden: readonly string[];
  /** Those before and the present one. */
  readonly stages: Stage[];
}

/** Waits until it is on its way. */
export async function say({ tell, signal }: Pick<Session, 'tell' | 'signal'>, text: string): Promise<void> {
  await tell({ output: text });
  signal.throwIfAborted();
}

export const contextDirectory = (directory: string): string => join(directory, 'context');
export const emptyDirectory = (directory: string): string => join(directory, 'empty');

export function contextView({ context, directory }: Session): ViewSource {
  const { mountPoint } = context.places;
  return { is: 'directory', path: contextDirectory(directory), mounts: [], absent: [], mountPoint, ids: SAME_IDS };
}

/** What the layers of an image make, `writes` beside them. */
export function layersView(
  { context, directory }: Session,
  layers: readonly string[],
  writes?: { readonly upper: string; readonly work: string },
): ViewSource & { is: 'stopped' } {
  return {
    is: 'stopped',
    lower: lowerOf(directory, layers),
    ...(writes === undefined ? {} : { writes }),
    ...{ userxattr: false, mounts: [], absent: [], mountPoint: context.places.mountPoint, ids: SAME_IDS },
  };
}

/** An overlay has at least one directory below. */
export function lowerOf(directory: string, layers: readonly string[]): readonly string[] {
  return layers.length === 0 ? [emptyDirectory(directory)] : layers;
}
