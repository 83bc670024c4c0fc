/** All commands, in the order of the overview. A command is loaded only when it is run or documented. */
import { isGroup, type Command, type TableEntry } from '../command.ts';
import { BUILDER_COMMANDS } from './builder/table.ts';
import { CONTAINER_COMMANDS } from './container/table.ts';
import { IMAGE_COMMANDS } from './image/table.ts';
import { NETWORK_COMMANDS } from './network/table.ts';
import { SYSTEM_COMMANDS } from './system/table.ts';
import { VOLUME_COMMANDS } from './volume/table.ts';

export const COMMANDS: readonly TableEntry[] = [
  {
    name: 'run',
    summary: 'Create a container and run a command in it',
    load: async () => (await import('./run.ts')).run,
  },
  {
    name: 'create',
    summary: 'Create a container without starting it',
    load: async () => (await import('./create.ts')).create,
  },
  { name: 'start', summary: 'Start containers that do not run', load: async () => (await import('./start.ts')).start },
  { name: 'stop', summary: 'Stop running containers', load: async () => (await import('./stop.ts')).stop },
  {
    name: 'restart',
    summary: 'Stop containers and start them again',
    load: async () => (await import('./restart.ts')).restart,
  },
  { name: 'kill', summary: 'Send a signal to running containers', load: async () => (await import('./kill.ts')).kill },
  { name: 'rm', summary: 'Remove containers', load: async () => (await import('./rm.ts')).rm },
  { name: 'ps', summary: 'List containers', load: async () => (await import('./ps.ts')).ps },
  {
    name: 'exec',
    summary: 'Run a further command in a running container',
    load: async () => (await import('./exec.ts')).exec,
  },
  {
    name: 'attach',
    summary: 'Attach to the streams of a running container',
    load: async () => (await import('./attach.ts')).attach,
  },
  { name: 'logs', summary: "Show a container's output", load: async () => (await import('./logs.ts')).logs },
  {
    name: 'inspect',
    summary: 'Show all that is known of containers, images, networks and volumes',
    load: async () => (await import('./inspect.ts')).inspect,
  },
  {
    name: 'wait',
    summary: 'Wait until containers have ended and print their exit codes',
    load: async () => (await import('./wait.ts')).wait,
  },
  {
    name: 'pause',
    summary: 'Freeze all processes of containers',
    load: async () => (await import('./pause.ts')).pause,
  },
  { name: 'unpause', summary: 'Let frozen containers go on', load: async () => (await import('./unpause.ts')).unpause },
  { name: 'rename', summary: 'Give a container another name', load: async () => (await import('./rename.ts')).rename },
  {
    name: 'update',
    summary: 'Change the limits, published ports and restart policy of containers, also while they run',
    load: async () => (await import('./update.ts')).update,
  },
  {
    name: 'port',
    summary: 'Show the published ports of a container',
    load: async () => (await import('./port.ts')).port,
  },
  { name: 'top', summary: 'Show the processes of a container', load: async () => (await import('./top.ts')).top },
  {
    name: 'stats',
    summary: 'Show what containers use, each second',
    load: async () => (await import('./stats.ts')).stats,
  },
  {
    name: 'cp',
    summary: 'Copy files between a container and this machine',
    load: async () => (await import('./cp.ts')).cp,
  },
  {
    name: 'diff',
    summary: 'Show what a container changed in its root file system',
    load: async () => (await import('./diff.ts')).diff,
  },
  {
    name: 'commit',
    summary: "Make an image of a container's changes",
    load: async () => (await import('./commit.ts')).commit,
  },
  {
    name: 'export',
    summary: "Write a container's root file system to an archive",
    load: async () => (await import('./export.ts')).exportContainer,
  },
  {
    name: 'build',
    summary: 'Build an image of a Dockerfile',
    load: async () => (await import('./build.ts')).build,
  },
  {
    name: 'images',
    summary: 'List images',
    load: async () => (await import('./images.ts')).images,
  },
  {
    name: 'pull',
    summary: 'Fetch an image from a registry',
    load: async () => (await import('./pull.ts')).pull,
  },
  {
    name: 'push',
    summary: 'Send an image to a registry',
    load: async () => (await import('./push.ts')).push,
  },
  {
    name: 'tag',
    summary: 'Give an image a further name',
    load: async () => (await import('./tag.ts')).tag,
  },
  {
    name: 'rmi',
    summary: 'Remove images',
    load: async () => (await import('./rmi.ts')).rmi,
  },
  {
    name: 'history',
    summary: 'Show how an image was made',
    load: async () => (await import('./history.ts')).history,
  },
  {
    name: 'load',
    summary: 'Load images from an archive',
    load: async () => (await import('./load.ts')).load,
  },
  {
    name: 'save',
    summary: 'Write images to an archive',
    load: async () => (await import('./save.ts')).save,
  },
  {
    name: 'import',
    summary: 'Make an image of an archive of a root file system',
    load: async () => (await import('./import.ts')).importImage,
  },
  {
    name: 'login',
    summary: 'Log in to a registry',
    load: async () => (await import('./login.ts')).login,
  },
  {
    name: 'logout',
    summary: 'Forget the credentials for a registry',
    load: async () => (await import('./logout.ts')).logout,
  },
  CONTAINER_COMMANDS,
  IMAGE_COMMANDS,
  BUILDER_COMMANDS,
  VOLUME_COMMANDS,
  NETWORK_COMMANDS,
  SYSTEM_COMMANDS,
  {
    name: 'events',
    summary: 'Show what happens to containers, networks, images and volumes, as it happens',
    load: async () => (await import('./events.ts')).events,
  },
  {
    name: 'info',
    summary: 'Show the daemon and what this host can do',
    load: async () => (await import('./info.ts')).info,
  },
  {
    name: 'version',
    summary: 'Show the versions of client and daemon',
    load: async () => (await import('./version.ts')).version,
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    load: async () => (await import('./completion.ts')).completion,
  },
];

/** Those of groups among them, in the order of the table. */
export function loadCommands(): Promise<readonly Command[]> {
  const entries = COMMANDS.flatMap((entry) => (isGroup(entry) ? entry.commands : [entry]));
  return Promise.all(entries.map((entry) => entry.load()));
}
