/** The ways by which a stranger's archive comes to be unpacked by the daemon, one after the other for the same archive. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDaemon } from '../daemon.ts';
import { importFrom, loadFrom, makeImage, ociArchive, publish, pullFrom } from '../images.ts';
import type { TestRegistry } from '../registry.ts';

export interface Passage {
  readonly status: number;
  /** Why it was refused. */
  readonly code?: string;
  readonly detail?: string;
}

export interface Door {
  readonly name: string;
  /** What is refused leaves nothing: said by whoever makes it. */
  readonly keepsNothing: boolean;
  send(archive: Buffer): Promise<Passage>;
}

/** What the daemon's store has by name, but for what is being deleted. */
export function storeOf(daemon: TestDaemon): string[] {
  const names = (folder: string): string[] => {
    const path = join(daemon.root, 'images', folder);
    return existsSync(path) ? readdirSync(path).map((name) => `${folder}/${name}`) : [];
  };
  return ['blobs/sha256', 'blobs/sha512', 'ingest', 'layers', 'unpack'].flatMap(names).sort();
}

const passage = ({ status, body }: { status: number; body: Omit<Passage, 'status'> }): Passage => ({
  status,
  ...(status < 300 ? {} : { code: body.code ?? '', detail: body.detail ?? '' }),
});

export function pullDoor(daemon: TestDaemon, registry: TestRegistry): Door {
  return {
    name: 'pull',
    keepsNothing: true,
    send: async (archive) => {
      publish(registry, 'hostile', 'latest', makeImage({ layers: [archive] }));
      return passage(await pullFrom(daemon, `${registry.host}/hostile:latest`));
    },
  };
}

export function loadDoor(daemon: TestDaemon): Door {
  return {
    name: 'load',
    keepsNothing: true,
    send: async (archive) =>
      passage(await loadFrom(daemon, ociArchive({ 'hostile:latest': makeImage({ layers: [archive] }) }))),
  };
}

export function importDoor(daemon: TestDaemon): Door {
  return {
    name: 'import',
    keepsNothing: true,
    send: async (archive) => passage(await importFrom(daemon, archive, { name: 'hostile:latest' })),
  };
}

/** Into a container that is there: `tare cp - CONTAINER:/tmp`. */
export function copyDoor(daemon: TestDaemon, container: string, what: string): Door {
  const path = `/v1/containers/${container}/archive?path=/tmp&overwriteKinds=true`;
  return {
    name: `copy into a ${what} container`,
    keepsNothing: false,
    send: async (archive) =>
      passage(await daemon.client.send('PUT', path, archive, { 'content-type': 'application/x-tar' })),
  };
}

/** An answer is one: the archive was taken, or it was refused by a 4xx that says why. */
export function assertAnswered({ status, code, detail }: Passage, what: string): void {
  const isRefusal = (status >= 400 && status < 500) || code === 'disk_full';
  assert.ok(status < 300 || isRefusal, `${what}: ${status} ${code} ${detail}`);
  if (status >= 400) assert.match(detail ?? '', /\S/, `${what} is refused without a reason`);
}
