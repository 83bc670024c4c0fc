/** Every route there is, in the order in which the documentation shows them. */
import { attach } from './containers/attach.ts';
import { create } from './containers/create.ts';
import { inspect } from './containers/inspect.ts';
import { kill } from './containers/kill.ts';
import { list } from './containers/list.ts';
import { logs } from './containers/logs.ts';
import { pause } from './containers/pause.ts';
import { remove } from './containers/remove.ts';
import { rename } from './containers/rename.ts';
import { resize } from './containers/resize.ts';
import { restart } from './containers/restart.ts';
import { resume } from './containers/resume.ts';
import { start } from './containers/start.ts';
import { stop } from './containers/stop.ts';
import { top } from './containers/top.ts';
import { update } from './containers/update.ts';
import { waitGet, waitPost } from './containers/wait.ts';
import { attachExec } from './execs/attach.ts';
import { createExec } from './execs/create.ts';
import { inspectExec } from './execs/inspect.ts';
import { resizeExec } from './execs/resize.ts';
import { startExec, startExecAttached } from './execs/start.ts';
import { connect } from './networks/connect.ts';
import { createNetwork } from './networks/create.ts';
import { disconnect } from './networks/disconnect.ts';
import { inspectNetwork } from './networks/inspect.ts';
import { listNetworks } from './networks/list.ts';
import { pruneNetworks } from './networks/prune.ts';
import { removeNetwork } from './networks/remove.ts';
import type { Route } from './route.ts';
import { docs } from './system/docs.ts';
import { events } from './system/events.ts';
import { info } from './system/info.ts';
import { metrics } from './system/metrics.ts';
import { openapi } from './system/openapi.ts';
import { ping } from './system/ping.ts';
import { version } from './system/version.ts';

export const ROUTES: readonly Route[] = [
  create,
  list,
  inspect,
  start,
  stop,
  restart,
  kill,
  pause,
  resume,
  rename,
  update,
  waitGet,
  waitPost,
  resize,
  remove,
  top,
  logs,
  attach,
  createExec,
  startExec,
  startExecAttached,
  attachExec,
  inspectExec,
  resizeExec,
  createNetwork,
  listNetworks,
  inspectNetwork,
  removeNetwork,
  pruneNetworks,
  connect,
  disconnect,
  events,
  version,
  info,
  ping,
  openapi,
  docs,
  metrics,
];
