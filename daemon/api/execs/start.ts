import { ExecStartQuery } from '../../../shared/api/attach.ts';
import { EngineError } from '../../engine/errors.ts';
import type { ExecStart } from '../engine.ts';
import { answerRoute, socketRoute } from '../route.ts';

const errors = [
  'exec_not_found',
  'exec_already_started',
  'container_not_running',
  'container_restarting',
  'container_paused',
  'command_not_found',
  'command_not_executable',
  'launch_failed',
  'kernel_refused',
  'shim_unreachable',
] as const;

export const startExec = answerRoute({
  method: 'POST',
  path: '/v1/execs/:id/start',
  tag: 'execs',
  summary: 'Start an exec, detached',
  description: 'Answers when the command runs. What it prints before somebody attaches is not kept.',
  status: 204,
  errors,
  answer: (api, call) => api.engine.startExec(call.id),
});

export const startExecAttached = socketRoute({
  method: 'GET',
  path: '/v1/execs/:id/start',
  tag: 'execs',
  summary: 'Start an exec and attach to its streams (WebSocket)',
  description: 'No output is lost. A start that fails is an ordinary answer in place of the 101.',
  query: ExecStartQuery,
  errors,
  connect: (api, { id, query }) => api.engine.startExecAttached(id, startOf(query)),
});

function startOf({ rows, columns }: ExecStartQuery): ExecStart {
  if (rows !== undefined && columns !== undefined) return { tty: { rows, columns } };
  if (rows === columns) return {};
  const field = rows === undefined ? 'rows' : 'columns';
  throw new EngineError('invalid_field', `${field} is required, as a terminal has both rows and columns`, { field });
}
