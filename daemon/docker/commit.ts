/** `POST /commit`: an image of a container. */
import type { CommitRequest } from '../../shared/api/image.ts';
import { configChanges } from './config-changes.ts';
import { inWords } from './containers/words.ts';
import { DockerError } from './error.ts';
import { Fields } from './fields.ts';
import { joinedName } from './images/names.ts';
import { type DockerCall, type DockerRoute, dockerRoute } from './route.ts';

export const commit: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/commit',
  async handle({ engine }, call) {
    const container = call.query.text('container') ?? '';
    if (container === '') throw new DockerError(400, 'invalid name or ID supplied: ""');
    const words = {
      container_not_found: () => new DockerError(404, `No such container: ${container}`),
      ambiguous_reference: () => new DockerError(400, `multiple IDs found with provided prefix: ${container}`),
      invalid_reference: () => new DockerError(400, 'invalid reference format'),
    };
    const request = requestOf(call);
    const { id } = await inWords(engine, container, words, () =>
      engine.commitContainer(container, request, call.signal),
    );
    return { status: 201, json: { Id: id } };
  },
});

function requestOf({ query, body }: DockerCall): CommitRequest {
  const [repository, tag] = [query.text('repo') ?? '', query.text('tag') ?? ''];
  const [author, message] = [query.text('author') ?? '', query.text('comment') ?? ''];
  const changes = [...configChanges(new Fields(body)), ...query.all('changes').flatMap(linesOf)];
  return {
    ...(repository === '' ? {} : { name: nameOf(repository, tag) }),
    ...(author === '' ? {} : { author }),
    ...(message === '' ? {} : { message }),
    ...(changes.length === 0 ? {} : { changes }),
    pause: query.flag('pause', true),
  };
}

/** Throws DockerError 400. */
function nameOf(repository: string, tag: string): string {
  if (/[A-Z]/.test(repository.slice(repository.indexOf('/') + 1))) {
    throw new DockerError(400, 'invalid reference format: repository name must be lowercase');
  }
  if (tag !== '' && !/^[\w][\w.-]{0,127}$/.test(tag)) throw new DockerError(400, 'invalid tag format');
  return tag === '' ? repository : joinedName(repository, tag);
}

const INSTRUCTIONS: ReadonlySet<string> = new Set([
  ...['cmd', 'entrypoint', 'env', 'expose', 'healthcheck', 'label'],
  ...['onbuild', 'stopsignal', 'user', 'volume', 'workdir'],
]);

/** A backslash at the end of a line joins the next to it. Throws DockerError 400. */
function linesOf(text: string): string[] {
  const lines = text.split(/(?<!\\)\r?\n/).filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
  for (const line of lines) {
    const [instruction = ''] = line.trimStart().split(/\s/, 1);
    const name = instruction.toLowerCase();
    if (!INSTRUCTIONS.has(name)) throw new DockerError(400, `${name.slice(0, 64)} is not a valid change command`);
  }
  return lines;
}
