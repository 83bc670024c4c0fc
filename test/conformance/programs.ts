import { CGROUPS } from './cgroups.ts';
import { FILESYSTEM } from './filesystem.ts';
import { HOOKS } from './hooks.ts';
import { LIFECYCLE } from './lifecycle.ts';
import { NAMESPACES } from './namespaces.ts';
import { PROCESS } from './process.ts';
import type { Programs } from './program.ts';

/** Every program, in the order in which they are run. */
export const PROGRAMS: Programs = { ...LIFECYCLE, ...HOOKS, ...PROCESS, ...FILESYSTEM, ...NAMESPACES, ...CGROUPS };
