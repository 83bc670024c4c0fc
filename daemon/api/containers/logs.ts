import { LogEntry, LogQuery } from '../../../shared/api/logs.ts';
import { streamRoute } from '../route.ts';

export const logs = streamRoute({
  method: 'GET',
  path: '/v1/containers/:id/logs',
  tag: 'containers',
  summary: "Read a container's log",
  description:
    'Ends after the last line, with `follow` when the container has ended. As plain text the lines are as they were written, after the time where `timestamps` is asked for.',
  query: LogQuery,
  item: LogEntry,
  errors: ['container_not_found', 'ambiguous_reference', 'unsupported'],
  open: (api, call) => api.engine.logs(call.id, call.query, call.signal),
  text: (entry: LogEntry, query) =>
    `${query.timestamps === true ? `${entry.at} ` : ''}${entry.text}${entry.partial ? '' : '\n'}`,
});
