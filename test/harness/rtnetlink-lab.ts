/** rtnetlink in a network of the test's own, and `ip -j` beside it as a second opinion. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { Rtnetlink } from '../../daemon/network/rtnetlink/connection.ts';
import type { LinkSpec } from '../../daemon/network/rtnetlink/link-info.ts';
import { changeLink, deleteLink, findLink, listLinks, newLink } from '../../daemon/network/rtnetlink/links.ts';
import { leaveNetwork } from './net-namespace.ts';
import { until } from './until.ts';

export type Json = Record<string, unknown>;

/** As `ip` sees it: with details, numbers for names. */
export function ip(...words: string[]): Json[] {
  const said = execFileSync('ip', ['-d', '-N', '-j', ...words], { encoding: 'utf8' });
  return said.trim() === '' ? [] : (JSON.parse(said) as Json[]);
}

/**
 * That both tell the same, in whatever order. What the kernel does on its own once a link is up (link-local addresses
 * and their routes) comes between two looks.
 */
export async function agree(ours: () => readonly unknown[], theirs: () => readonly unknown[]): Promise<void> {
  const sorted = (list: readonly unknown[]): string[] => list.map((entry) => JSON.stringify(entry)).toSorted();
  let seen: [string[], string[]] = [[], []];
  const look = (): boolean => {
    seen = [sorted(ours()), sorted(theirs())];
    return isDeepStrictEqual(...seen);
  };
  await until('ip tells the same', look, 10).catch(() => undefined);
  assert.deepEqual(...seen);
}

export class RtnetlinkLab {
  readonly kernel: Rtnetlink;
  /** Of the kernel's own: "lo", and where it has tunnels one of each. */
  private readonly given: ReadonlySet<string>;

  private constructor(kernel: Rtnetlink) {
    this.kernel = kernel;
    this.given = new Set(listLinks(kernel).map(({ name }) => name));
  }

  /** This thread leaves the machine's network for good. */
  static open(): RtnetlinkLab {
    leaveNetwork();
    return new RtnetlinkLab(Rtnetlink.open());
  }

  close(): void {
    this.kernel.close();
  }

  /** Takes all links away that a test has made. */
  clear(): void {
    for (const { name, index } of listLinks(this.kernel)) {
      // One of a pair takes the other with it.
      if (this.given.has(name) || findLink(this.kernel, name) === undefined) continue;
      this.kernel.batch([deleteLink({ name, index })]);
    }
  }

  /** A pair of veths, "below" and "below-far", both up; the index of the first. */
  makeBelow(): number {
    const peer: LinkSpec = { settings: { name: 'below-far' } };
    this.kernel.batch([
      newLink({ settings: { name: 'below' }, info: { link: { kind: 'veth', peer } } }),
      changeLink({ isUp: true, settings: { name: 'below-far' } }),
      changeLink({ isUp: true, settings: { name: 'below' } }),
    ]);
    return this.indexOf('below');
  }

  indexOf(name: string): number {
    const link = findLink(this.kernel, name);
    assert.ok(link !== undefined, name);
    return link.index;
  }

  nameOf(index: number | undefined): string | undefined {
    return listLinks(this.kernel).find((link) => link.index === index)?.name;
  }
}
