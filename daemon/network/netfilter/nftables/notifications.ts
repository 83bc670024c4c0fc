/**
 * What nf_tables tells the multicast group NFNLGRP_NFTABLES: after each transaction a message for every object that it
 * made or took away, then NFT_MSG_NEWGEN with whose it was (nf_tables_commit() of net/netfilter/nf_tables_api.c).
 */
import { optional, readText, type Attribute } from '../../rtnetlink/attributes.ts';
import type { Message } from '../../rtnetlink/messages.ts';
import { readBe32, readBe64 } from '../encoding.ts';
import { decodeBody, SUBSYSTEM } from '../nfnetlink.ts';
import { familyName, MESSAGE, type TableName } from './protocol.ts';

/** Things of a large transaction are counted, and so many of them named. */
const MOST_NAMED = 20;

/** Of a message that makes an object and one that takes it away: what it is, and where its name is. */
const OBJECTS: Readonly<Record<number, { readonly what: string; readonly isNew: boolean }>> = {
  [MESSAGE.newTable]: { what: 'table', isNew: true },
  [MESSAGE.deleteTable]: { what: 'table', isNew: false },
  [MESSAGE.newChain]: { what: 'chain', isNew: true },
  [MESSAGE.deleteChain]: { what: 'chain', isNew: false },
  [MESSAGE.newRule]: { what: 'rule', isNew: true },
  [MESSAGE.deleteRule]: { what: 'rule', isNew: false },
  [MESSAGE.newSet]: { what: 'set', isNew: true },
  [MESSAGE.deleteSet]: { what: 'set', isNew: false },
  [MESSAGE.newElements]: { what: 'element', isNew: true },
  [MESSAGE.deleteElements]: { what: 'element', isNew: false },
};

/** What somebody's transaction did to a table. */
export interface TableChange {
  /** Process and its name as the kernel sees them, with the pid of the initial namespace; undefined where it does not say. */
  readonly process: { readonly pid: number; readonly name: string } | undefined;
  /** Some of the objects, such as "chain forward", "rule 7 of forward", "element of ports". */
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** Of all of them. */
  readonly removedCount: number;
  readonly addedCount: number;
}

/** Puts the messages of one transaction together. */
export class TransactionReader {
  private readonly table: TableName;
  private readonly isOwn: (port: number) => boolean;
  private removed: string[] = [];
  private added: string[] = [];
  private removedCount = 0;
  private addedCount = 0;

  /** `isOwn`: whether a transaction of this socket is to be passed over. */
  constructor(table: TableName, isOwn: (port: number) => boolean) {
    this.table = table;
    this.isOwn = isOwn;
  }

  /**
   * The transaction that `message` ends, where it is another's and touched the table. Throws MalformedMessage.
   */
  take(message: Message): TableChange | undefined {
    if (message.type >> 8 !== SUBSYSTEM.nftables) return undefined;
    const operation = message.type & 0xff;
    if (operation === MESSAGE.newGeneration) return this.finish(message);
    if (!this.isOwn(message.port ?? 0)) this.note(operation, message.body);
    return undefined;
  }

  private note(operation: number, body: Uint8Array): void {
    const { family, attributes } = decodeBody(body);
    // NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE
    if (familyName(family) !== this.table.family || optional(attributes, 1, readText) !== this.table.table) return;
    const object = OBJECTS[operation];
    // Of another kind, such as a named counter: nothing of ours, but in our table.
    const { what, isNew } = object ?? { what: `object of message ${operation}`, isNew: true };
    const named = isNew ? this.added : this.removed;
    if (named.length < MOST_NAMED) named.push(describe(what, attributes));
    if (isNew) this.addedCount++;
    else this.removedCount++;
  }

  private finish({ body }: Message): TableChange | undefined {
    const { removed, added, removedCount, addedCount } = this;
    this.forget();
    if (removedCount + addedCount === 0) return undefined;
    const { attributes } = decodeBody(body);
    const pid = optional(attributes, 2, readBe32); // NFTA_GEN_PROC_PID
    const name = optional(attributes, 3, readText); // NFTA_GEN_PROC_NAME
    const process = pid === undefined || name === undefined ? undefined : { pid, name };
    return { process, removed, added, removedCount, addedCount };
  }

  /** Where messages were lost, the transaction's beginning may be. */
  forget(): void {
    this.removed = [];
    this.added = [];
    this.removedCount = 0;
    this.addedCount = 0;
  }
}

function describe(what: string, attributes: readonly Attribute[]): string {
  if (what === 'table') return what;
  if (what === 'rule') {
    // NFTA_RULE_HANDLE, NFTA_RULE_CHAIN
    return `rule ${optional(attributes, 3, readBe64) ?? ''} of ${optional(attributes, 2, readText) ?? ''}`;
  }
  // NFTA_CHAIN_NAME
  if (what === 'chain') return `chain ${optional(attributes, 3, readText) ?? ''}`;
  // NFTA_SET_NAME, NFTA_SET_ELEM_LIST_SET
  const set = optional(attributes, 2, readText) ?? '';
  return what === 'set' ? `set ${set}` : `${what} of ${set}`;
}
