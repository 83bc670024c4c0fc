/** The commands of `tare volume`. */
import type { CommandGroup } from '../../command.ts';

export const VOLUME_COMMANDS: CommandGroup = {
  name: 'volume',
  summary: 'Manage volumes',
  commands: [
    { name: 'create', summary: 'Create a volume', load: async () => (await import('./create.ts')).create },
    { name: 'ls', summary: 'List volumes', aliases: ['list'], load: async () => (await import('./ls.ts')).ls },
    {
      name: 'inspect',
      summary: 'Show all that is known of volumes',
      load: async () => (await import('./inspect.ts')).inspect,
    },
    {
      name: 'rm',
      summary: 'Remove volumes and all that is in them',
      aliases: ['remove'],
      load: async () => (await import('./rm.ts')).rm,
    },
    {
      name: 'prune',
      summary: 'Remove all anonymous volumes that no container has',
      load: async () => (await import('./prune.ts')).prune,
    },
  ],
};
