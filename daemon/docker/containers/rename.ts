/** `POST /containers/{id}/rename` */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { nameTaken } from './create-words.ts';
import { findContainer } from './find.ts';
import { NAME } from './translate/create-request.ts';
import { plain } from './translate/refuse.ts';
import { inWords } from './words.ts';

const ALLOCATING = 'Error when allocating new name: ';

export const renameContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/rename',
  resource: 'container',
  async handle({ engine }, { id, query }) {
    const name = (query.text('name') ?? '').replace(/^\//, '');
    if (name === '') throw new DockerError(400, 'Neither old nor new names may be empty');
    if (findContainer(engine, id).name === name) {
      throw new DockerError(400, 'Renaming a container with the same name as its current name');
    }
    if (!NAME.test(name) || name.length > 128) {
      throw new DockerError(
        400,
        `${ALLOCATING}Invalid container name (/${plain(name)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      );
    }
    await inWords(
      engine,
      id,
      { name_taken: (_id, error) => new DockerError(409, ALLOCATING + nameTaken(engine, name, error).message) },
      () => engine.rename(id, name),
    );
    return { status: 204 };
  },
});
