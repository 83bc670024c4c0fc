/** Every route there is, in the order in which the documentation shows them. */
import { extractArchive, readArchive, statPath } from './containers/archive.ts';
import { attach } from './containers/attach.ts';
import { changes } from './containers/changes.ts';
import { commit } from './containers/commit.ts';
import { create } from './containers/create.ts';
import { exportContainer } from './containers/export.ts';
import { inspect } from './containers/inspect.ts';
import { kill } from './containers/kill.ts';
import { list } from './containers/list.ts';
import { logs } from './containers/logs.ts';
import { pause } from './containers/pause.ts';
import { pruneContainers } from './containers/prune.ts';
import { remove } from './containers/remove.ts';
import { rename } from './containers/rename.ts';
import { resize } from './containers/resize.ts';
import { restart } from './containers/restart.ts';
import { resume } from './containers/resume.ts';
import { start } from './containers/start.ts';
import { stats } from './containers/stats.ts';
import { stop } from './containers/stop.ts';
import { top } from './containers/top.ts';
import { update } from './containers/update.ts';
import { waitGet, waitPost } from './containers/wait.ts';
import { attachExec } from './execs/attach.ts';
import { createExec } from './execs/create.ts';
import { inspectExec } from './execs/inspect.ts';
import { resizeExec } from './execs/resize.ts';
import { startExec, startExecAttached } from './execs/start.ts';
import { imageHistory } from './images/history.ts';
import { inspectImage } from './images/inspect.ts';
import { listImages } from './images/list.ts';
import { pruneImages } from './images/prune.ts';
import { removeImage } from './images/remove.ts';
import { tagImage } from './images/tag.ts';
import { importImage } from './images/import.ts';
import { loadImages } from './images/load.ts';
import { pullImage } from './images/pull.ts';
import { pushImage } from './images/push.ts';
import { saveImages } from './images/save.ts';
import { connect } from './networks/connect.ts';
import { createNetwork } from './networks/create.ts';
import { disconnect } from './networks/disconnect.ts';
import { inspectNetwork } from './networks/inspect.ts';
import { listNetworks } from './networks/list.ts';
import { pruneNetworks } from './networks/prune.ts';
import { removeNetwork } from './networks/remove.ts';
import { remoteImage } from './registries/image.ts';
import { login } from './registries/login.ts';
import { buildImage } from './build/build.ts';
import { pruneBuilds } from './build/prune.ts';
import type { Route } from './route.ts';
import { checkSystem } from './system/check.ts';
import { diskUsage } from './system/df.ts';
import { docs } from './system/docs.ts';
import { events } from './system/events.ts';
import { info } from './system/info.ts';
import { metrics } from './system/metrics.ts';
import { openapi } from './system/openapi.ts';
import { ping } from './system/ping.ts';
import { pruneSystem } from './system/prune.ts';
import { version } from './system/version.ts';
import { createVolume } from './volumes/create.ts';
import { inspectVolume } from './volumes/inspect.ts';
import { listVolumes } from './volumes/list.ts';
import { pruneVolumes } from './volumes/prune.ts';
import { removeVolume } from './volumes/remove.ts';

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
  pruneContainers,
  top,
  stats,
  logs,
  attach,
  readArchive,
  statPath,
  extractArchive,
  changes,
  exportContainer,
  commit,
  createExec,
  startExec,
  startExecAttached,
  attachExec,
  inspectExec,
  resizeExec,
  listImages,
  inspectImage,
  imageHistory,
  tagImage,
  removeImage,
  pruneImages,
  pullImage,
  pushImage,
  login,
  remoteImage,
  loadImages,
  saveImages,
  importImage,
  buildImage,
  pruneBuilds,
  createVolume,
  listVolumes,
  inspectVolume,
  removeVolume,
  pruneVolumes,
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
  diskUsage,
  pruneSystem,
  checkSystem,
  ping,
  openapi,
  docs,
  metrics,
];
