/** Has the table made again when somebody else changed it: `nft flush ruleset`, a firewall that is loaded anew. */
import { watchTable } from '../netfilter/nftables/monitor.ts';
import type { TableName } from '../netfilter/nftables/protocol.ts';
import type { NetworkLog } from '../types.ts';

/** Between two times, in milliseconds: others may not rest, and we are not to take turns with them without end. */
const REST = 200;

export interface KeeperOptions {
  readonly table: TableName;
  /** Ports of the sockets whose transactions are the daemon's own. */
  readonly own: readonly number[];
  readonly log: NetworkLog;
  /** May throw: it is tried again. */
  remake(): void;
}

export class Keeper {
  private readonly options: KeeperOptions;
  private readonly watch: { close(): void };
  private timer: NodeJS.Timeout | undefined;
  private last = -Infinity;

  private constructor(options: KeeperOptions) {
    this.options = options;
    const { table, own, log } = options;
    this.watch = watchTable(table, { own }, {
      changed: ({ process, removedCount, addedCount }) => {
        this.plan({ process, removed: removedCount, added: addedCount });
      },
      lost: () => this.plan({ reason: 'more changes than could be told' }),
      failed: (error) => log.error({ error }, 'cannot see any more whether the nf_tables table is changed'),
    }); // prettier-ignore
  }

  /** Throws SystemError. */
  static open(options: KeeperOptions): Keeper {
    return new Keeper(options);
  }

  /** Not in the monitor's own turn: what comes at once is one change. */
  private plan(why: object): void {
    if (this.timer !== undefined) return;
    const { table, log } = this.options;
    log.warn({ table: table.table, ...why }, 'the nf_tables table was changed by somebody else and is made again');
    this.wait(Math.max(0, this.last + REST - performance.now()));
  }

  private wait(milliseconds: number): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.last = performance.now();
      try {
        this.options.remake();
      } catch (error) {
        this.options.log.error({ error }, 'the nf_tables table cannot be made again, trying on');
        this.wait(5 * REST);
      }
    }, milliseconds);
    this.timer.unref();
  }

  close(): void {
    clearTimeout(this.timer);
    this.watch.close();
  }
}
