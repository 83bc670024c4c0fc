/** `DELETE /images/{name}` */
import { DockerError, type ErrorTexts } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { IMAGE_TEXTS } from './texts.ts';

const TEXTS: ErrorTexts = {
  ...IMAGE_TEXTS,
  image_in_use: (error, named) =>
    new DockerError(409, `conflict: unable to delete ${named} (must be forced) - ${error.message}`),
};

export const removeImage: DockerRoute = dockerRoute({
  method: 'DELETE',
  path: '/images/:id+',
  texts: TEXTS,
  async handle({ engine }, call) {
    const { query } = call;
    const { untagged, deleted } = await engine.removeImage(call.id, {
      ...(query.flag('force') ? { force: true } : {}),
      ...(query.flag('noprune') ? { noPrune: true } : {}),
    });
    return { status: 200, json: removedItems(untagged, deleted) };
  },
});

export function removedItems(untagged: readonly string[], deleted: readonly string[]): object[] {
  return [...untagged.map((Untagged) => ({ Untagged })), ...deleted.map((Deleted) => ({ Deleted }))];
}
