/** The images that both engines are given, in one archive of docker's: a bare busybox, and one that says all an image can say. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRootfs } from '../../harness/rootfs.ts';

export const BASE = 'tare.test/base:latest';
export const RICH = 'tare.test/rich:1';

const PATH = 'PATH=/usr/sbin:/usr/bin:/sbin:/bin';

const CONFIGURATIONS: Readonly<Record<string, unknown>> = {
  [BASE]: { Env: [PATH], Cmd: ['/bin/sh'] },
  [RICH]: {
    Env: [PATH, 'COLOUR=green', 'SIZE=large'],
    Entrypoint: ['/bin/echo', 'rich'],
    Cmd: ['by', 'default'],
    User: 'alice',
    WorkingDir: '/home/alice',
    Labels: { origin: 'image', 'com.example.kind': 'rich' },
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Volumes: { '/data': {} },
    StopSignal: 'SIGUSR1',
    Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 3_600_000_000_000, Retries: 2 },
  },
};

const digest = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

export interface Archive {
  readonly path: string;
  /** Digests of the configurations by the images' names, without "sha256:". */
  readonly ids: Readonly<Record<string, string>>;
  /** Of the only layer. */
  readonly layer: string;
}

/** Writes `<folder>/images.tar`. */
export function writeImages(folder: string): Archive {
  const rootfs = join(folder, 'rootfs');
  const parts = join(folder, 'images');
  mkdirSync(rootfs);
  mkdirSync(parts);
  makeRootfs(rootfs);
  execFileSync('tar', ['-C', rootfs, '-cf', join(parts, 'layer.tar'), '.']);
  const layer = digest(readFileSync(join(parts, 'layer.tar')));
  const ids: Record<string, string> = {};
  const manifest = Object.entries(CONFIGURATIONS).map(([name, config]) => {
    const text = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2023-02-01T12:00:00Z',
      config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
      history: [{ created: '2023-02-01T12:00:00Z', created_by: 'made by hand', comment: 'for tests' }],
    });
    const id = digest(text);
    ids[name] = id;
    writeFileSync(join(parts, `${id}.json`), text);
    return { Config: `${id}.json`, RepoTags: [name], Layers: ['layer.tar'] };
  });
  writeFileSync(join(parts, 'manifest.json'), JSON.stringify(manifest));
  const path = join(folder, 'images.tar');
  const files = Object.values(ids).map((id) => `${id}.json`);
  execFileSync('tar', ['-C', parts, '-cf', path, 'manifest.json', 'layer.tar', ...files]);
  return { path, ids, layer };
}
