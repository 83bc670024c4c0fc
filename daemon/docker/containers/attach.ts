/** `POST /containers/{id}/attach`: the streams of a container, on the connection of the request. */
import { type DockerAnswer, type DockerCall, type DockerRoute, dockerRoute } from '../route.ts';
import { toDockerError } from '../error.ts';
import { RAW, contentTypeOf } from '../streams/frames.ts';
import { joinConnection } from '../streams/join.ts';
import { tellLog } from '../streams/tell-log.ts';
import { type Attached, attachTo, streamsOf } from './attach-to.ts';

export const attach: DockerRoute = dockerRoute({
  method: 'POST',
  path: '/containers/:id/attach',
  resource: 'container',
  async handle(docker, call) {
    let attached: Attached;
    try {
      attached = await attachTo(docker, call, streamsOf(call));
    } catch (error) {
      return refusal(error, call);
    }
    const { detail, attachment, stdin, endsStdin, detach } = attached;
    const connection = call.hijack(contentTypeOf(detail.tty, call.version));
    const framed = !detail.tty;
    if (attachment === undefined) {
      await tellLog(docker.engine, detail.id, connection, { framed, wanted: attached.log });
    } else {
      joinConnection(attachment, connection, { framed, stdin, endsStdin, ...(detach === undefined ? {} : { detach }) });
    }
    return undefined;
  },
});

/** dockerd has answered with the type of a stream by then, so what is wrong is no JSON. */
function refusal(error: unknown, call: DockerCall): DockerAnswer {
  const { status, message } = toDockerError(error, {}, call.id);
  return { status, text: `${message}\r\n`, contentType: RAW };
}
