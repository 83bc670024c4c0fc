/** A busybox image as an archive that `podman load`, `docker load` and `ctr images import` take. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addProbe, makeRootfs } from '../harness/rootfs.ts';

/** Fully qualified, so that no client asks which registry is meant. */
export const IMAGE = 'tare.test/busybox:latest';

/**
 * Makes `<folder>/rootfs` and of it `<folder>/image.tar`, in the format of `docker save` (manifest.json, one
 * configuration, one layer); its path.
 */
export function writeImage(folder: string): string {
  const rootfs = join(folder, 'rootfs');
  const parts = join(folder, 'image');
  mkdirSync(rootfs);
  mkdirSync(parts);
  makeRootfs(rootfs);
  addProbe(rootfs);
  execFileSync('tar', ['-C', rootfs, '-cf', join(parts, 'layer.tar'), '.']);
  const layer = createHash('sha256')
    .update(readFileSync(join(parts, 'layer.tar')))
    .digest('hex');
  const configuration = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    history: [{ created_by: 'tare tests' }],
  });
  const name = `${createHash('sha256').update(configuration).digest('hex')}.json`;
  writeFileSync(join(parts, name), configuration);
  writeFileSync(
    join(parts, 'manifest.json'),
    JSON.stringify([{ Config: name, RepoTags: [IMAGE], Layers: ['layer.tar'] }]),
  );
  const archive = join(folder, 'image.tar');
  execFileSync('tar', ['-C', parts, '-cf', archive, 'manifest.json', name, 'layer.tar']);
  return archive;
}
