/** The networks of this daemon, by id and by name. */
import { EngineError } from '../errors.ts';
import type { Network } from './network.ts';

const ID = /^[0-9a-f]{64}$/;
const ID_PREFIX = /^[0-9a-f]{1,63}$/;

/** Made as the first container needs it. */
export const DEFAULT_NETWORK = 'bridge';

export class Networks {
  private readonly byId = new Map<string, Network>();
  private readonly byName = new Map<string, Network>();
  /** Nobody finds them any more, and nobody has what is theirs as yet. */
  private readonly leaving = new Set<Network>();

  get size(): number {
    return this.byId.size;
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<Network> {
    return this.byId.values();
  }

  /** Those that are being removed among them: whose names, bridges and subnets cannot be had. */
  reserved(): Network[] {
    return [...this.byId.values(), ...this.leaving];
  }

  /** Throws `name_taken`. */
  add(network: Network): void {
    this.checkName(network.name);
    this.byId.set(network.id, network);
    this.byName.set(network.name, network);
  }

  checkName(name: string): void {
    const other = this.byName.get(name) ?? [...this.leaving].find((network) => network.name === name);
    if (other === undefined) return;
    throw new EngineError('name_taken', `the name "${name}" is taken by network ${other.id.slice(0, 12)}`, {
      field: 'name',
      hint: 'remove that network, or choose another name',
    });
  }

  /** Its removal begins: it is not found any more, and what it has is still its own. */
  leave(network: Network): void {
    this.byId.delete(network.id);
    this.byName.delete(network.name);
    this.leaving.add(network);
  }

  /** Its removal is over; where that failed, it is `kept`. */
  left(network: Network, outcome: 'removed' | 'kept'): void {
    this.leaving.delete(network);
    if (outcome === 'kept') this.add(network);
  }

  get(id: string): Network | undefined {
    return this.byId.get(id);
  }

  named(name: string): Network | undefined {
    return this.byName.get(name);
  }

  /**
   * By id, name, or the unique beginning of an id, in this order. Throws `network_not_found`, `ambiguous_reference`, with
   * `field` where one is given.
   */
  find(ref: string, field?: string): Network {
    const exact = (ID.test(ref) ? this.byId.get(ref) : undefined) ?? this.byName.get(ref);
    if (exact !== undefined) return exact;
    const where = field === undefined ? {} : { field };
    const [first, second] = ID_PREFIX.test(ref) ? this.startingWith(ref) : [];
    if (first === undefined) {
      const hint = ref === DEFAULT_NETWORK ? { hint: 'it is made for the first container that needs it' } : {};
      throw new EngineError('network_not_found', `no network has the id or name "${ref}"`, { ...where, ...hint });
    }
    if (second !== undefined) {
      throw new EngineError('ambiguous_reference', `more than one network's id starts with "${ref}"`, where);
    }
    return first;
  }

  /** At most two: one is found, two are ambiguous. */
  private startingWith(prefix: string): Network[] {
    const found: Network[] = [];
    for (const network of this.byId.values()) {
      if (network.id.startsWith(prefix) && found.push(network) === 2) break;
    }
    return found;
  }
}
