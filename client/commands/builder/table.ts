/** The commands of `tare builder`. */
import { twin, type CommandGroup } from '../../command.ts';

export const BUILDER_COMMANDS: CommandGroup = {
  name: 'builder',
  summary: 'Manage builds',
  commands: [
    {
      name: 'prune',
      summary: 'Remove steps of builds that no image has need of',
      load: async () => (await import('./prune.ts')).prune,
    },
    twin('builder build', 'Build an image of a Dockerfile', async () => (await import('../build.ts')).build),
  ],
};
