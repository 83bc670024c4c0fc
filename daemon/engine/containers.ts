/** The containers of this daemon, by id and by name. */
import type { Container } from './container.ts';
import { EngineError } from './errors.ts';

const ID = /^[0-9a-f]{64}$/;
const ID_PREFIX = /^[0-9a-f]{1,63}$/;

export class Containers {
  private readonly byId = new Map<string, Container>();
  private readonly byName = new Map<string, Container>();

  get size(): number {
    return this.byId.size;
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<Container> {
    return this.byId.values();
  }

  /** Throws `name_taken`. */
  add(container: Container): void {
    this.checkName(container.name);
    this.byId.set(container.id, container);
    this.byName.set(container.name, container);
  }

  checkName(name: string): void {
    const other = this.byName.get(name);
    if (other === undefined) return;
    throw new EngineError('name_taken', `the name "${name}" is taken by container ${other.id.slice(0, 12)}`, {
      field: 'name',
      hint: 'remove or rename that container, or choose another name',
    });
  }

  /** After the row has got another name. */
  renamed(container: Container, former: string): void {
    this.byName.delete(former);
    this.byName.set(container.name, container);
  }

  delete(container: Container): void {
    this.byId.delete(container.id);
    this.byName.delete(container.name);
  }

  get(id: string): Container | undefined {
    return this.byId.get(id);
  }

  hasName(name: string): boolean {
    return this.byName.has(name);
  }

  /** By id, name, or the unique beginning of an id, in this order. Throws `container_not_found`, `ambiguous_reference`. */
  find(ref: string): Container {
    const exact = (ID.test(ref) ? this.byId.get(ref) : undefined) ?? this.byName.get(ref);
    if (exact !== undefined) return exact;
    const matches = ID_PREFIX.test(ref) ? this.startingWith(ref) : [];
    const [first, second] = matches;
    if (first === undefined) throw new EngineError('container_not_found', `no container has the id or name "${ref}"`);
    if (second !== undefined) {
      throw new EngineError('ambiguous_reference', `more than one container's id starts with "${ref}"`);
    }
    return first;
  }

  /** At most two: one is found, two are ambiguous. */
  private startingWith(prefix: string): Container[] {
    const found: Container[] = [];
    for (const container of this.byId.values()) {
      if (container.id.startsWith(prefix) && found.push(container) === 2) break;
    }
    return found;
  }
}
