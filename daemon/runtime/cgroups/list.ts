/** Which groups are there below a parent. */
import { readdirSync } from 'node:fs';
import { isGone } from './files.ts';
import type { CgroupHost } from './host.ts';
import { groupDirectory, hierarchies } from './host.ts';

/** Names of the groups right below `parent`, in any hierarchy, each once; empty where there is no parent. */
export function list(host: CgroupHost, parent: string): string[] {
  const names = new Set<string>();
  for (const hierarchy of hierarchies(host)) {
    try {
      for (const entry of readdirSync(groupDirectory(hierarchy, parent), { withFileTypes: true })) {
        if (entry.isDirectory()) names.add(entry.name);
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return [...names];
}
