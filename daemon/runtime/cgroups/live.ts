/** Groups of running containers: short synchronous I/O on kernel files, waiting only where the kernel does. */
export { CgroupError } from './files.ts';
export { freeze, thaw } from './freeze.ts';
export { factsOf, groupPathOf, missingAbove, prepareGroups, removeEmpty, removeGroups } from './groups.ts';
export type { PreparedGroups } from './groups.ts';
export { killAll } from './kill.ts';
export { list } from './list.ts';
export { prepareParent, releaseParent } from './prepare.ts';
export { groupOfProcess, processes } from './processes.ts';
export { remove } from './remove.ts';
export { oomKills, stats } from './stats.ts';
export type { CgroupStats } from './stats.ts';
export { update } from './update.ts';
