/** The table of the Docker Engine API. */
import { build } from './build/build.ts';
import { pruneBuild } from './build/prune.ts';
import { commit } from './commit.ts';
import { extractArchive, readArchive, statPath } from './containers/archive.ts';
import { attach } from './containers/attach.ts';
import { attachWebSocket } from './containers/attach-ws.ts';
import { changes } from './containers/changes.ts';
import { createContainer } from './containers/create.ts';
import { exportContainer } from './containers/export.ts';
import { inspectContainer } from './containers/inspect.ts';
import { killContainer } from './containers/kill.ts';
import { listContainers } from './containers/list.ts';
import { logs } from './containers/logs.ts';
import { pauseContainer } from './containers/pause.ts';
import { pruneContainers } from './containers/prune.ts';
import { removeContainer } from './containers/remove.ts';
import { renameContainer } from './containers/rename.ts';
import { restartContainer } from './containers/restart.ts';
import { startContainer } from './containers/start.ts';
import { stopContainer } from './containers/stop.ts';
import { unpauseContainer } from './containers/unpause.ts';
import { updateContainer } from './containers/update.ts';
import { waitContainer } from './containers/wait.ts';
import { createExec } from './execs/create.ts';
import { inspectExec } from './execs/inspect.ts';
import { resize, resizeExec } from './execs/resize.ts';
import { startExec } from './execs/start.ts';
import { distribution } from './images/distribution.ts';
import { createImage } from './images/create.ts';
import { imageHistory } from './images/history.ts';
import { inspectImage } from './images/inspect.ts';
import { listImages } from './images/list.ts';
import { loadImages } from './images/load.ts';
import { pruneImages } from './images/prune.ts';
import { pushImage } from './images/push.ts';
import { removeImage } from './images/remove.ts';
import { saveImage, saveImages } from './images/save.ts';
import { searchImages } from './images/search.ts';
import { tagImage } from './images/tag.ts';
import { connect, disconnect } from './networks/connect.ts';
import { createNetwork } from './networks/create.ts';
import { inspectNetwork } from './networks/inspect.ts';
import { listNetworks } from './networks/list.ts';
import { pruneNetworks } from './networks/prune.ts';
import { removeNetwork } from './networks/remove.ts';
import { createVolume } from './volumes/create.ts';
import { inspectVolume } from './volumes/inspect.ts';
import { listVolumes } from './volumes/list.ts';
import { pruneVolumes } from './volumes/prune.ts';
import { removeVolume } from './volumes/remove.ts';
import { stats } from './containers/stats.ts';
import { top } from './containers/top.ts';
import { diskUsage } from './system/df.ts';
import { events } from './system/events.ts';
import { info } from './system/info.ts';
import { listPlugins, pluginInspect, pluginPrivileges, pluginPull } from './system/plugins.ts';
import { swarm } from './system/swarm.ts';
import { version } from './system/version.ts';
import type { DockerRoute } from './route.ts';
import { auth } from './system/auth.ts';
import { ping, pingHead } from './system/ping.ts';

export const DOCKER_ROUTES: readonly DockerRoute[] = [
  ping,
  pingHead,
  listContainers,
  createContainer,
  pruneContainers,
  inspectContainer,
  startContainer,
  stopContainer,
  restartContainer,
  killContainer,
  pauseContainer,
  unpauseContainer,
  waitContainer,
  renameContainer,
  updateContainer,
  removeContainer,
  attach,
  attachWebSocket,
  logs,
  statPath,
  readArchive,
  extractArchive,
  exportContainer,
  changes,
  commit,
  resize,
  createExec,
  startExec,
  inspectExec,
  resizeExec,
  listImages,
  createImage,
  distribution,
  searchImages,
  saveImages,
  loadImages,
  pruneImages,
  inspectImage,
  imageHistory,
  pushImage,
  tagImage,
  saveImage,
  removeImage,
  build,
  pruneBuild,
  auth,
  listNetworks,
  createNetwork,
  pruneNetworks,
  inspectNetwork,
  removeNetwork,
  connect,
  disconnect,
  listVolumes,
  createVolume,
  pruneVolumes,
  inspectVolume,
  removeVolume,
  top,
  stats,
  version,
  info,
  events,
  diskUsage,
  listPlugins,
  pluginPrivileges,
  pluginInspect,
  pluginPull,
  ...swarm,
];
