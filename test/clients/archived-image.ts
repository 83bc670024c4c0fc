/** Images with all that layers may have, in archives for engines to exchange. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { skopeo } from '../harness/debian-registry.ts';
import { makeImage, ociArchive, type TestImage } from '../harness/images.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { directory, file, hardlink, symlink, tar, type Member } from '../harness/tar.ts';
import { makeUmociImage } from '../harness/umoci-image.ts';

export interface Archived {
  readonly name: string;
  /** In the form of an oci-archive. */
  readonly archive: Buffer;
  /** Digest of the configuration. */
  readonly id: string;
  readonly config: string;
  /** Digest of the manifest. */
  readonly manifest: string;
  /** Directories that the topmost layer with something below them says nothing of. */
  readonly undescribed: readonly string[];
}

/** archivedImage() under a name. */
export function ownImage(name: string): Archived {
  const image = archivedImage();
  return {
    ...{ name, id: image.id, config: image.config.toString(), manifest: image.descriptor.digest },
    ...{ archive: ociArchive({ [name]: image }), undescribed: [] },
  };
}

/** The ten layers of makeUmociImage(), made in `folder`, under a name; and the tree that umoci unpacks. */
export async function umociImage(folder: string, name: string): Promise<{ image: Archived; rootfs: string }> {
  const { source, rootfs } = makeUmociImage(folder);
  const path = join(folder, 'umoci.tar');
  await skopeo('copy', '--quiet', source, `oci-archive:${path}:${name}`);
  const manifest = (await skopeo('inspect', '--format', '{{.Digest}}', source)).toString().trim();
  const { config } = JSON.parse((await skopeo('inspect', '--raw', source)).toString()) as {
    config: { digest: string };
  };
  const document = await skopeo('inspect', '--config', '--raw', source);
  const image = { name, archive: readFileSync(path), id: config.digest, config: document.toString(), manifest };
  return { image: { ...image, undescribed: ['a', 'bin', 'deep'] }, rootfs };
}

const at = (hour: number): { mtime: number } => ({ mtime: 1_600_000_000 + 3600 * hour });
/** Engines differ in what becomes of directories that no entry describes, so each layer describes its own. */
const described = (...members: Member[]): Buffer =>
  tar(directory('./', at(0)), directory('odd/', { mode: 0o2750, uid: 12, gid: 3_000_000, ...at(1) }), ...members);

const LONG = `odd/${'n'.repeat(130)}`;

export function archivedImage(): TestImage {
  return makeImage({
    layers: [
      busyboxLayer(directory('./', at(0))),
      described(
        file('odd/a', 'a of the second\n', { uid: 3_000_000, gid: 4_000_000_000, ...at(2) }),
        hardlink('odd/a-again', 'odd/a', { uid: 3_000_000, gid: 4_000_000_000, ...at(2) }),
        file('odd/suid', '#!/bin/sh\n', { mode: 0o4755, uid: 1000, ...at(3) }),
        file('odd/gone', 'gone'),
        directory('odd/hidden/', at(3)),
        file('odd/hidden/below', 'below'),
      ),
      described(
        file('odd/.wh.gone'),
        directory('odd/hidden/', at(5)),
        file('odd/hidden/.wh..wh..opq'),
        file('odd/hidden/anew', 'anew', at(5)),
        file('odd/attributes', 'x', {
          pax: { 'SCHILY.xattr.user.colour': 'green', 'SCHILY.xattr.user.b': Buffer.from([255, 10, 0]) },
          ...at(4),
        }),
      ),
      described(
        file(LONG, 'far', { pax: { mtime: '1600000000.123456789' } }),
        symlink(`odd/${'l'.repeat(120)}`, `/${'t'.repeat(200)}`, at(7)),
        symlink('odd/outside', '../../../../../etc/passwd', at(8)),
        { name: 'odd/null', type: '3', major: 1, minor: 3, mode: 0o666, ...at(9) },
        { name: 'odd/fifo', type: '6', mode: 0o600, ...at(9) },
        file(Buffer.from('odd/not-utf8-\xe9', 'latin1'), 'x', at(10)),
        file('odd/empty', '', { mode: 0, ...at(10) }),
      ),
    ],
    config: { Env: ['A=b'], Cmd: ['/bin/sh'], Labels: { who: 'tare' }, WorkingDir: '/odd' },
  });
}
