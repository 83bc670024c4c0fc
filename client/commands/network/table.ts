/** The commands of `tare network`. */
import type { CommandGroup } from '../../command.ts';

export const NETWORK_COMMANDS: CommandGroup = {
  name: 'network',
  summary: 'Manage networks',
  commands: [
    { name: 'create', summary: 'Create a network', load: async () => (await import('./create.ts')).create },
    {
      name: 'ls',
      summary: 'List networks',
      aliases: ['list'],
      load: async () => (await import('./ls.ts')).ls,
    },
    {
      name: 'inspect',
      summary: 'Show all that is known of networks',
      load: async () => (await import('./inspect.ts')).inspect,
    },
    { name: 'rm', summary: 'Remove networks', aliases: ['remove'], load: async () => (await import('./rm.ts')).rm },
    {
      name: 'prune',
      summary: 'Remove all networks that no container uses',
      load: async () => (await import('./prune.ts')).prune,
    },
    {
      name: 'connect',
      summary: 'Connect a container to a network, also while it runs',
      load: async () => (await import('./connect.ts')).connect,
    },
    {
      name: 'disconnect',
      summary: 'Disconnect a container from a network, also while it runs',
      load: async () => (await import('./disconnect.ts')).disconnect,
    },
  ],
};
