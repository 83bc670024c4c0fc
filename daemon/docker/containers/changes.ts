/** `GET /containers/{id}/changes`: what a container changed in its root, or null. */
import type { Change } from '../../../shared/api/files.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { inWords } from './words.ts';

export const changes: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/containers/:id/changes',
  resource: 'container',
  async handle({ engine }, { id, signal }) {
    const { stream } = await inWords(engine, id, {}, () => engine.containerChanges(id, signal));
    return { status: 200, stream: dockerChanges(stream) };
  },
});

const KINDS: Readonly<Record<Change['kind'], number>> = { modified: 0, added: 1, deleted: 2 };

/** The engine's array of Change, piece by piece as it comes: there may be a million. */
export async function* dockerChanges(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let isFirst = true;
  for await (const list of wholeItems(pieces)) {
    const text = list.map((change) => JSON.stringify({ Path: change.path, Kind: KINDS[change.kind] })).join(',');
    if (text === '') continue;
    yield `${isFirst ? '[' : ','}${text}`;
    isFirst = false;
  }
  yield isFirst ? 'null\n' : ']\n';
}

/** In JSON this stands between two of them and nowhere else: behind a quote that ends a text comes no letter. */
const BETWEEN = '"},{"path":"';

async function* wholeItems(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Change[], void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    rest += decoder.decode(piece, { stream: true });
    const end = rest.lastIndexOf(BETWEEN);
    if (end === -1) continue;
    yield JSON.parse(`${rest.slice(0, end)}"}]`) as Change[];
    rest = `[${rest.slice(end + '"},'.length)}`;
  }
  yield JSON.parse(rest) as Change[];
}
