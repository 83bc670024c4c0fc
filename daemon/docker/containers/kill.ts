/** `POST /containers/{id}/kill` */
import { parseSignal } from '../../../shared/signals.ts';
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { plain } from './translate/refuse.ts';
import { inWords } from './words.ts';

export const killContainer: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/kill',
  resource: 'container',
  async handle({ engine }, { id, query }) {
    const signal = query.text('signal') ?? '';
    if (/^[1-9][0-9]*$/.test(signal) && parseSignal(signal) === undefined) {
      throw new DockerError(
        400,
        `Cannot kill container: ${id}: The linux daemon does not support signal ${plain(signal)}`,
      );
    }
    const number = signal === '' ? undefined : signalOf(signal);
    const notRunning = (whole: string): DockerError =>
      new DockerError(409, `Cannot kill container: ${id}: Container ${whole} is not running`);
    const absent = (): DockerError => new DockerError(404, `Cannot kill container: ${id}: No such container: ${id}`);
    const words = { container_not_running: notRunning, container_not_found: absent };
    await inWords(engine, id, words, () => engine.kill(id, number));
    return { status: 204 };
  },
});

/** As it came. Throws DockerError 400. */
export function signalOf(text: string): string {
  if (parseSignal(text) === undefined) throw new DockerError(400, `Invalid signal: ${plain(text)}`);
  return text;
}
