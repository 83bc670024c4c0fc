/** Pulls an image with what the user may see of it: for `pull`, and for `run` of an image that is not here. */
import type { PullRequest, PullResponse } from '../../shared/api/image.ts';
import type { Context } from '../command.ts';
import { registryHeaders } from '../credentials/store.ts';
import { withProgress } from '../progress/view.ts';
import { withRegistryHint } from './registry-hint.ts';

export interface Pulled extends PullResponse {
  /** What the registry calls it, where it said so. */
  readonly digest: string | undefined;
}

/** `output`: where progress is shown; undefined: nowhere. Throws ProblemError. */
export async function pullImage(
  request: PullRequest,
  { daemon, environment }: Context,
  output: NodeJS.WriteStream | undefined,
): Promise<Pulled> {
  const headers = await registryHeaders(request.reference, environment);
  let digest: string | undefined;
  try {
    const response = await withProgress(output, 'Pull complete', (take) =>
      daemon.progress<PullResponse>('/images/pull', { body: request, headers }, (progress) => {
        if (progress.status === 'resolved') digest = progress.detail;
        // What the name means is told at the end.
        if (progress.status !== 'resolved') take(progress);
        else if (request.allTags === true) output?.write(`${progress.image ?? ''}: Pulling\n`);
      }),
    );
    return { ...response, digest };
  } catch (error) {
    throw withRegistryHint(error, request.reference);
  }
}
