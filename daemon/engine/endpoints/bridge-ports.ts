/** Which bridge of a network each veth is a port of: the first that has room. */
import { createHash } from 'node:crypto';
import type { Extension } from '../../network/plane/extension.ts';

/** In one hexadecimal digit. */
export const EXTENSIONS_MAX = 15;

export class BridgePorts {
  private readonly tag: string;
  private readonly most: number;
  /** By veth. */
  private readonly bridgeOf = new Map<string, string>();
  private readonly counts = new Map<string, number>();

  /** `most`: of a bridge's ports that are endpoints'; the others join bridges. */
  constructor(tag: string, most: number) {
    this.tag = tag;
    this.most = most;
  }

  /** 0: the network's own bridge; from 1 on its further ones. undefined: all are full. */
  choose(bridge: string): number | undefined {
    for (let number = 0; number <= EXTENSIONS_MAX; number++) {
      const name = number === 0 ? bridge : this.extension(bridge, number).name;
      if ((this.counts.get(name) ?? 0) < this.most) return number;
    }
    return undefined;
  }

  take(veth: string, bridge: string): void {
    this.release(veth);
    this.bridgeOf.set(veth, bridge);
    this.counts.set(bridge, (this.counts.get(bridge) ?? 0) + 1);
  }

  /** What is no port is passed over. */
  release(veth: string): void {
    const bridge = this.bridgeOf.get(veth);
    if (bridge === undefined) return;
    this.bridgeOf.delete(veth);
    const left = (this.counts.get(bridge) ?? 1) - 1;
    if (left === 0) this.counts.delete(bridge);
    else this.counts.set(bridge, left);
  }

  /** The bridge is gone; veths that were its ports may be there for a while yet. */
  forget(bridge: string): void {
    for (const [veth, of] of this.bridgeOf) if (of === bridge) this.bridgeOf.delete(veth);
    this.counts.delete(bridge);
  }

  clear(): void {
    this.bridgeOf.clear();
    this.counts.clear();
  }

  /** The names of one: `number` from 1 to EXTENSIONS_MAX. */
  extension(bridge: string, number: number): Extension {
    const rest = hashOf(bridge) + number.toString(16);
    return { name: extensionPrefix(this.tag) + rest, near: `tp${this.tag}${rest}`, far: `tq${this.tag}${rest}` };
  }

  /** Of a further bridge, its port of the network's own; undefined for another name. */
  nearOf(name: string): string | undefined {
    const prefix = extensionPrefix(this.tag);
    return name.startsWith(prefix) ? `tp${this.tag}${name.slice(prefix.length)}` : undefined;
  }
}

/** Whether an interface of this name is a further bridge of `bridge`. */
export function isExtension(tag: string, name: string, bridge: string): boolean {
  return name.startsWith(extensionPrefix(tag) + hashOf(bridge));
}

/** Further bridges begin so: as networks' own do up to the tag, and then not. */
export function extensionPrefix(tag: string): string {
  return `tare-${tag}x`;
}

function hashOf(bridge: string): string {
  return createHash('sha256').update(bridge).digest('hex').slice(0, 4);
}
