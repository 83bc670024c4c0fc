/** All commands, in the order of the overview. A command is loaded only when it is run or documented. */
import type { Command, CommandEntry } from '../command.ts';

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'create',
    summary: 'Create a container from a bundle; "start" runs its program',
    load: async () => (await import('./create.ts')).create,
  },
  {
    name: 'start',
    summary: 'Run the program of a created container',
    load: async () => (await import('./start.ts')).start,
  },
  {
    name: 'state',
    summary: 'Print the state of a container as JSON',
    load: async () => (await import('./state.ts')).state,
  },
  {
    name: 'kill',
    summary: 'Send a signal to the init of a container',
    load: async () => (await import('./kill.ts')).kill,
  },
  {
    name: 'delete',
    summary: 'Remove a stopped container: its groups, its state',
    load: async () => (await import('./delete.ts')).remove,
  },
  {
    name: 'run',
    summary: 'Create a container, run its program, and remove it when that has ended',
    load: async () => (await import('./run.ts')).run,
  },
  {
    name: 'exec',
    summary: 'Run a further process in a container',
    load: async () => (await import('./exec.ts')).exec,
  },
  { name: 'ps', summary: 'List the processes of a container', load: async () => (await import('./ps.ts')).ps },
  { name: 'list', summary: 'List the containers below --root', load: async () => (await import('./list.ts')).list },
  {
    name: 'pause',
    summary: 'Freeze all processes of a container',
    load: async () => (await import('./pause.ts')).pause,
  },
  {
    name: 'resume',
    summary: 'Let the processes of a paused container go on',
    load: async () => (await import('./resume.ts')).resume,
  },
  {
    name: 'update',
    summary: 'Change the limits of a container while it runs',
    load: async () => (await import('./update.ts')).update,
  },
  {
    name: 'events',
    summary: 'Show what a container uses, and when it runs out of memory',
    load: async () => (await import('./events.ts')).events,
  },
  { name: 'spec', summary: 'Write a config.json to begin with', load: async () => (await import('./spec.ts')).spec },
  {
    name: 'features',
    summary: 'Print what a config.json may ask of this runtime, as JSON',
    load: async () => (await import('./features.ts')).features,
  },
];

/** Every command itself, for the docs and the tests. */
export function loadCommands(): Promise<readonly Command[]> {
  return Promise.all(COMMANDS.map((entry) => entry.load()));
}
