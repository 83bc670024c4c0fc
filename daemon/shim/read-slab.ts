/**
 * Memory that a socket reads into, for output that is handed on without a copy: each read goes behind the one
 * before, and a new slab is begun when too little is left. What was handed out keeps its slab alive.
 */

/** An idle attachment holds one small slab; one that fills its reads gets large ones. */
const SMALL = 16 * 1024;
const LARGE = 512 * 1024;
/** A read is never offered less than this part of a slab. */
const LEAST_PART = 4;

export class ReadSlab {
  private slab = Buffer.allocUnsafeSlow(SMALL);
  private at = 0;
  private offered = this.slab;

  /** Room for the next read. */
  next(): Buffer {
    if (this.slab.length - this.at < this.slab.length / LEAST_PART) {
      this.slab = Buffer.allocUnsafeSlow(this.slab.length);
      this.at = 0;
    }
    this.offered = this.slab.subarray(this.at);
    return this.offered;
  }

  /** The bytes of the read that filled `count` of the room given last. */
  taken(count: number): Buffer {
    const bytes = this.offered.subarray(0, count);
    this.at += count;
    if (count === this.offered.length && this.slab.length < LARGE) {
      this.slab = Buffer.allocUnsafeSlow(LARGE);
      this.at = 0;
    }
    return bytes;
  }
}
