/** The commands of `tare container`: nearly all have a shorter name. */
import { twin, type CommandGroup } from '../../command.ts';

export const CONTAINER_COMMANDS: CommandGroup = {
  name: 'container',
  summary: 'Manage containers',
  commands: [
    twin('container run', 'Create a container and run a command in it', async () => (await import('../run.ts')).run),
    twin(
      'container create',
      'Create a container without starting it',
      async () => (await import('../create.ts')).create,
    ),
    twin('container start', 'Start containers that do not run', async () => (await import('../start.ts')).start),
    twin('container stop', 'Stop running containers', async () => (await import('../stop.ts')).stop),
    twin(
      'container restart',
      'Stop containers and start them again',
      async () => (await import('../restart.ts')).restart,
    ),
    twin('container kill', 'Send a signal to running containers', async () => (await import('../kill.ts')).kill),
    { ...twin('container rm', 'Remove containers', async () => (await import('../rm.ts')).rm), aliases: ['remove'] },
    { ...twin('container ls', 'List containers', async () => (await import('../ps.ts')).ps), aliases: ['list', 'ps'] },
    {
      name: 'prune',
      summary: 'Remove all containers that do not run',
      load: async () => (await import('./prune.ts')).prune,
    },
    twin(
      'container exec',
      'Run a further command in a running container',
      async () => (await import('../exec.ts')).exec,
    ),
    twin(
      'container attach',
      'Attach to the streams of a running container',
      async () => (await import('../attach.ts')).attach,
    ),
    twin('container logs', "Show a container's output", async () => (await import('../logs.ts')).logs),
    {
      name: 'inspect',
      summary: 'Show all that is known of containers',
      load: async () => (await import('./inspect.ts')).inspect,
    },
    twin(
      'container wait',
      'Wait until containers have ended and print their exit codes',
      async () => (await import('../wait.ts')).wait,
    ),
    twin('container pause', 'Freeze all processes of containers', async () => (await import('../pause.ts')).pause),
    twin('container unpause', 'Let frozen containers go on', async () => (await import('../unpause.ts')).unpause),
    twin('container rename', 'Give a container another name', async () => (await import('../rename.ts')).rename),
    twin(
      'container update',
      'Change the limits and published ports of containers, also while they run',
      async () => (await import('../update.ts')).update,
    ),
    twin('container port', 'Show the published ports of a container', async () => (await import('../port.ts')).port),
    twin('container top', 'Show the processes of a container', async () => (await import('../top.ts')).top),
    twin('container cp', 'Copy files between a container and this machine', async () => (await import('../cp.ts')).cp),
    twin(
      'container diff',
      'Show what a container changed in its root file system',
      async () => (await import('../diff.ts')).diff,
    ),
    twin(
      'container commit',
      "Make an image of a container's changes",
      async () => (await import('../commit.ts')).commit,
    ),
    twin(
      'container export',
      "Write a container's root file system to an archive",
      async () => (await import('../export.ts')).exportContainer,
    ),
  ],
};
