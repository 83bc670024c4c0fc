/** Archives of plausible members that are wrong in every way a header can be: a corpus for what reads archives of strangers. */
import fc from 'fast-check';
import { END, directory, hardlink, member, symlink, type Member } from '../tar.ts';

const NAMES = fc.oneof(
  fc.constantFrom(
    'a',
    'a/b',
    'a/b/c',
    './a',
    '/a',
    'a/',
    '.',
    '..',
    '../x',
    'a/../../x',
    '.wh.a',
    'a/.wh.b',
    '.wh..wh..opq',
    '.wh..',
    'l',
    'l/x',
    'l/file',
    'l/directory/file',
  ),
  fc.string({ unit: 'binary', maxLength: 120 }),
);
/** What a later member may go through, or be put in the place of. */
const LINK: fc.Arbitrary<Member> = fc.constantFrom(
  symlink('l', '../canary'),
  symlink('l', '/../../../canary'),
  symlink('a', 'l'),
  symlink('l/x', '../../canary/victim'),
  hardlink('h', 'l'),
  directory('l'),
);
const ANY_MEMBER: fc.Arbitrary<Member> = fc.record(
  {
    name: NAMES,
    type: fc.constantFrom('0', '\0', '1', '2', '3', '4', '5', '6', '7', 'S', 'x', 'g', 'L', 'K', 'V'),
    target: fc.oneof(NAMES, fc.constantFrom('../canary', '/', '../../../../../../../../tmp')),
    mode: fc.nat(0o7777),
    uid: fc.oneof(fc.nat(), fc.constantFrom(0xffffffff, -1)),
    major: fc.nat(5000),
    minor: fc.nat(300),
    data: fc.oneof(fc.string({ maxLength: 600 }), fc.constant('12 path=../x\n')),
    size: fc.oneof(fc.nat(2000), fc.constantFrom(-1, 2 ** 33)),
    patch: fc.dictionary(fc.nat(511).map(String), fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 3 }), {
      maxKeys: 2,
    }),
    pax: fc.dictionary(
      fc.constantFrom(
        'path',
        'linkpath',
        'size',
        'uid',
        'mtime',
        'GNU.sparse.map',
        'GNU.sparse.size',
        'GNU.sparse.major',
        'GNU.sparse.minor',
        'SCHILY.xattr.user.x',
        'SCHILY.xattr.trusted.overlay.opaque',
      ),
      fc.oneof(NAMES, fc.constantFrom('0', '1', '0,5', '-1', '1.5', '99999999999999999999')),
      { maxKeys: 3 },
    ),
  },
  { requiredKeys: ['name'] },
);
const MEMBER = fc.oneof({ arbitrary: LINK, weight: 1 }, { arbitrary: ANY_MEMBER, weight: 3 });

/** One to twelve members, some of whose bytes are replaced; checksums are right, so that more than these is looked at. */
export function anyArchive(): fc.Arbitrary<Buffer> {
  return fc.array(MEMBER, { minLength: 1, maxLength: 12 }).map((members) => {
    const pieces = members.map((each) => {
      const patch = Object.fromEntries(Object.entries(each.patch ?? {}).filter(([at]) => Number(at) < 509));
      return member({ ...each, patch });
    });
    return Buffer.concat([...pieces, END]);
  });
}
