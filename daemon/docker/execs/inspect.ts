/** `GET /exec/{id}/json` */
import { type DockerRoute, dockerRoute } from '../route.ts';

export const inspectExec: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/exec/:id/json',
  handle({ engine }, call) {
    const { id, container, status, request, pid, exit } = engine.inspectExec(call.id);
    const [entrypoint = '', ...args] = request.command;
    return {
      status: 200,
      json: {
        ID: id,
        Running: status === 'running',
        // where nobody saw how it ended there is no code to tell
        ExitCode: status === 'exited' ? (exit?.code ?? null) : null,
        ProcessConfig: {
          tty: request.tty === true,
          entrypoint,
          arguments: args,
          privileged: request.privileged === true,
          ...(request.user === undefined ? {} : { user: request.user }),
        },
        OpenStdin: request.stdin === true,
        OpenStderr: request.stderr !== false,
        OpenStdout: request.stdout !== false,
        CanRemove: false,
        ContainerID: container,
        DetachKeys: request.detachKeys ?? '',
        Pid: pid ?? 0,
      },
    };
  },
});
