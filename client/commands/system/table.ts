/** The commands of `tare system`. */
import { twin, type CommandGroup } from '../../command.ts';

export const SYSTEM_COMMANDS: CommandGroup = {
  name: 'system',
  summary: 'Show and manage what the daemon stores',
  commands: [
    {
      name: 'df',
      summary: 'Show what images, containers and volumes take on the disk',
      load: async () => (await import('./df.ts')).df,
    },
    {
      name: 'prune',
      summary: 'Remove what nothing uses: containers, networks, images, and volumes where asked for',
      load: async () => (await import('./prune.ts')).prune,
    },
    {
      name: 'check',
      summary: "Hold all that is stored against its digests and the daemon's records",
      load: async () => (await import('./check.ts')).check,
    },
    twin('system info', 'Show the daemon and what this host can do', async () => (await import('../info.ts')).info),
    twin(
      'system events',
      'Show what happens to containers, networks, images and volumes, as it happens',
      async () => (await import('../events.ts')).events,
    ),
  ],
};
