/** Sees what others do to a table of ours. */
import { monitorNetlink } from '../../../../native-bindings/netlink-monitor.ts';
import { NETLINK_NETFILTER } from '../../../../native-bindings/netlink.ts';
import { MalformedMessage } from '../../rtnetlink/attributes.ts';
import { decodeMessages } from '../../rtnetlink/messages.ts';
import { TransactionReader, type TableChange } from './notifications.ts';
import type { TableName } from './protocol.ts';

const NFNLGRP_NFTABLES = 7;

export interface TableWatch {
  /** Once for each transaction of somebody else that made or took away anything in the table. */
  changed(change: TableChange): void;
  /** What others did was too much to be told: the table is to be looked at. */
  lost(): void;
  /** The kernel cannot be listened to any more. */
  failed(error: unknown): void;
}

interface WatchOptions {
  /** Descriptor of a network namespace; without one, this process's own. */
  readonly namespace?: number | undefined;
  /** Nftables.port of connections whose transactions are our own. */
  readonly own: readonly number[];
}

/**
 * From when it returns nothing is missed: who reads the table afterwards and then hears nothing has seen it as it is.
 * Throws SystemError.
 */
export function watchTable(table: TableName, { namespace, own }: WatchOptions, watch: TableWatch): { close(): void } {
  const reader = new TransactionReader(table, (port) => own.includes(port));
  const lost = (): void => {
    reader.forget();
    watch.lost();
  };
  const received = (datagram: Buffer): void => {
    for (const change of read(datagram)) {
      if (change === undefined) lost();
      else watch.changed(change);
    }
  };
  /** undefined: what cannot be read may have been anything. */
  function read(datagram: Buffer): (TableChange | undefined)[] {
    try {
      return decodeMessages(datagram).flatMap((message) => reader.take(message) ?? []);
    } catch (error) {
      if (error instanceof MalformedMessage) return [undefined];
      throw error;
    }
  }
  const failed = (error: unknown): void => watch.failed(error);
  return monitorNetlink(NETLINK_NETFILTER, { namespace, groups: [NFNLGRP_NFTABLES] }, { received, lost, failed });
}
