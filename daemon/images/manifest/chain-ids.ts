import { digestOf, type Digest } from '../digest.ts';

/** What the layers up to each are called together: image-spec 1.1, config.md, "Layer ChainID". The lowest first. */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}
