/** `POST /containers/{id}/wait`: the headers at once, for a client starts the container only when it has them. */
import type { Exit, WaitQuery } from '../../../shared/api/container.ts';
import { stringifyJson } from '../../../shared/json.ts';
import { EngineError } from '../../engine/errors.ts';
import { DockerError } from '../error.ts';
import { type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { findContainer } from './find.ts';
import { exitCodeOf } from './show/state.ts';
import { exitCodeOfFailure, startFailure } from './start-words.ts';
import { quoted } from './translate/refuse.ts';

interface Waited {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string };
}

const CONDITIONS: ReadonlyMap<string, NonNullable<WaitQuery['condition']>> = new Map([
  ['', 'stopped'],
  ['not-running', 'stopped'],
  ['next-exit', 'next-exit'],
  ['removed', 'removed'],
]);

export const waitContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/wait',
  resource: 'container',
  audited: false,
  handle({ engine }, call) {
    const condition = conditionOf(call);
    const { id, status } = findContainer(engine, call.id);
    const ended =
      condition === 'stopped' && status === 'created'
        ? Promise.resolve(neverRan(engine.inspect(id).failure))
        : engine.wait(id, condition, call.signal).then(waited);
    // it is told below; until then nobody is there to hear it
    ended.catch(() => undefined);
    return { status: 200, stream: told(ended) };
  },
});

function conditionOf({ query }: DockerCall): NonNullable<WaitQuery['condition']> {
  const text = query.text('condition') ?? '';
  const condition = CONDITIONS.get(text);
  if (condition === undefined) throw new DockerError(400, `invalid condition: ${quoted(text)}`);
  return condition;
}

/** The status is sent long since: what goes wrong is told in the answer. */
async function* told(ended: Promise<Waited>): AsyncGenerator<string> {
  try {
    yield `${stringifyJson(await ended)}\n`;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    yield `${stringifyJson({ StatusCode: 255, Error: { Message: error.message } })}\n`;
  }
}

function waited(exit: Exit): Waited {
  const answer = { StatusCode: exitCodeOf(exit) };
  if (!exit.unknown) return answer;
  // who started it was told why that failed
  if (exit.failure !== undefined) return { StatusCode: exitCodeOfFailure(exit.failure) };
  return { ...answer, Error: { Message: 'nobody saw how it ended' } };
}

function neverRan(failure: string | undefined): Waited {
  if (failure === undefined) return { StatusCode: 0 };
  return { StatusCode: exitCodeOfFailure(failure), Error: { Message: startFailure(failure) } };
}
