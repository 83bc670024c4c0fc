/** `POST /containers/{id}/attach`: the streams of a container, on the connection of the request. */
import { DockerError } from '../error.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { contentTypeOf } from '../streams/frames.ts';
import { joinConnection } from '../streams/join.ts';
import { closesStdin } from './stdin-once.ts';

export const attach: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/attach',
  resource: 'container',
  async handle({ engine }, call) {
    const { query } = call;
    const detail = engine.inspect(call.id);
    if (detail.status === 'paused') {
      throw new DockerError(409, `Container ${call.id} is paused, unpause the container before attach.`);
    }
    const stdin = query.flag('stdin');
    const attachment = await engine.attach(detail.id, {
      stdin,
      stdout: query.flag('stdout'),
      stderr: query.flag('stderr'),
      logs: query.flag('logs'),
    });
    const connection = call.hijack(contentTypeOf(detail.tty, call.version));
    joinConnection(attachment, connection, {
      stdin,
      endsStdin: closesStdin(engine.dockerRequest(detail.id)) && !detail.tty,
    });
    return undefined;
  },
});
