/** Mounts that the shim makes before there is a child, with the rights of the host's root. */
import { SpecError } from '../spec/error.ts';
import type { Operation } from './operations.ts';

/** PLAN_MAX_TREES of native-bindings/shim/plan.h. */
const TREES_MAX = 256;

type Tree = Operation & { readonly op: 'bind_tree' | 'overlay_tree' | 'joined_tree' };

/** The operations of a plan that make a tree, in their order. */
export class Trees {
  readonly operations: Operation[] = [];

  /** @returns what `bind.tree` and `root_tree.tree` are to say */
  add(tree: Tree): number {
    if (this.operations.length === TREES_MAX) {
      const problem = `more than ${String(TREES_MAX)} of them are id-mapped, shared, of an image, or a part of a volume`;
      throw new SpecError('mounts', problem, 'unsupported');
    }
    return this.operations.push(tree) - 1;
  }
}

interface Writable {
  readonly upper: string;
  readonly work: string;
  readonly volatile?: boolean;
}

/** `lower`: the topmost first. Read-only where nothing is writable. */
export function overlayTree(
  lower: readonly string[],
  { upper, work, volatile = false }: Writable = { upper: '', work: '' },
): Operation & { readonly op: 'overlay_tree' } {
  return { op: 'overlay_tree', lower, upper, work, volatile: volatile ? 1 : 0 };
}
