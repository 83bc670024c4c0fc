/** A network in memory: its row as committed, and which of its addresses are taken. */
import { AddressBook } from '../../network/ipam/address-book.ts';
import type { NetworkRow } from '../../registry/networks.ts';

export class Network {
  /** What the data plane and the firewall need of it, too (NetworkShape of daemon/network/types.ts). */
  readonly row: NetworkRow;
  private readonly books: ReadonlyMap<4 | 6, AddressBook>;

  constructor(row: NetworkRow) {
    this.row = row;
    this.books = new Map(row.subnets.map((subnet) => [subnet.family, new AddressBook(subnet)]));
  }

  get id(): string {
    return this.row.id;
  }

  get name(): string {
    return this.row.name;
  }

  /** undefined: it has no such family. */
  addresses(family: 4 | 6): AddressBook | undefined {
    return this.books.get(family);
  }
}
