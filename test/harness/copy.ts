/** Copying out of and into containers over the daemon's socket, and what a whole archive holds. */
import { buffer } from 'node:stream/consumers';
import type { PathStat } from '../../shared/api/files.ts';
import type { TarEntry } from '../../daemon/images/tar/entry.ts';
import { TarReader } from '../../daemon/images/tar/reader.ts';
import type { Answer } from './client.ts';
import type { TestDaemon } from './daemon.ts';

const at = (id: string, query: Record<string, string>): string =>
  `/v1/containers/${id}/archive?${new URLSearchParams(query).toString()}`;

export interface Problem {
  readonly code?: string;
  readonly detail?: string;
}

export interface CopiedOut {
  readonly status: number;
  readonly problem: Problem;
  readonly archive: Buffer;
  readonly stat: PathStat;
}

function statOf(header: string | string[] | undefined): PathStat {
  return JSON.parse(Buffer.from(String(header ?? 'e30'), 'base64url').toString()) as PathStat;
}

/** GET. An answer that breaks off is an error. */
export async function copyOut(
  daemon: TestDaemon,
  id: string,
  path: string,
  query: Record<string, string> = {},
): Promise<CopiedOut> {
  const response = await daemon.client.open('GET', at(id, { path, ...query }));
  const archive = await buffer(response);
  const status = response.statusCode ?? 0;
  const problem = status === 200 ? {} : (JSON.parse(archive.toString()) as Problem);
  return { status, problem, archive, stat: statOf(response.headers['x-tare-path-stat']) };
}

/** HEAD. */
export async function statAt(
  daemon: TestDaemon,
  id: string,
  path: string,
  query: Record<string, string> = {},
): Promise<{ readonly status: number; readonly stat: PathStat }> {
  const { status, headers } = await daemon.client.send('HEAD', at(id, { path, ...query }));
  return { status, stat: statOf(headers['x-tare-path-stat']) };
}

/** PUT. */
export function copyIn(
  daemon: TestDaemon,
  id: string,
  path: string,
  archive: Buffer,
  query: Record<string, string> = {},
): Promise<Answer<Problem>> {
  const headers = { 'content-type': 'application/x-tar' };
  return daemon.client.send('PUT', at(id, { path, ...query }), archive, headers);
}

/** By name, without the slash of directories; files with what they hold. */
export function entriesOf(archive: Buffer): Map<string, TarEntry & { readonly data: Buffer }> {
  const entries = new Map<string, TarEntry & { readonly data: Buffer }>();
  let current: TarEntry | undefined;
  let data: Buffer[] = [];
  const reader = new TarReader({
    begin: (entry) => {
      current = entry;
      data = [];
    },
    data: (piece) => void data.push(Buffer.from(piece)),
    end: () => {
      if (current === undefined) return;
      const name = current.name.length > 1 ? current.name.replace(/\/$/, '') : current.name;
      entries.set(name, { ...current, data: Buffer.concat(data) });
    },
  });
  reader.push(archive);
  reader.finish();
  return entries;
}
