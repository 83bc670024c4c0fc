/** Stamps for what is written and not yet synced: of which boot it is, and each once, so that an old one says nothing. */
export class BootStamps {
  private readonly bootId: string;
  private count = 0;

  /** `bootId`: /proc/sys/kernel/random/boot_id */
  constructor(bootId: string) {
    this.bootId = bootId;
  }

  next(): string {
    this.count += 1;
    return `${this.bootId} ${process.pid} ${this.count}`;
  }

  isOfThisBoot(stamp: string): boolean {
    return stamp.startsWith(`${this.bootId} `);
  }
}
