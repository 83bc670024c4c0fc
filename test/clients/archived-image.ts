/** An image with all that layers may have, in archives for engines to exchange. */
import { makeImage, type TestImage } from '../harness/images.ts';
import { busyboxLayer } from '../harness/image-layers.ts';
import { directory, file, hardlink, symlink, tar, type Member } from '../harness/tar.ts';

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
