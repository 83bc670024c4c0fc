/** Options of volumes: what makes a device, in which words all else is refused, and nothing that is passed over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MOUNT_OPTION_NAMES, parseMountOptions } from '../../../daemon/runtime/plan/mount-options.ts';
import {
  DEVICE_FLAGS,
  VolumeOptionError,
  parseVolumeOptions,
  volumeOptionsOf,
} from '../../../shared/volume-options.ts';

const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];
const bind = { type: 'none', o: 'bind', device: '/srv' };

function refused(options: Readonly<Record<string, string>>, words: RegExp): void {
  assert.throws(
    () => parseVolumeOptions(options),
    (error) => error instanceof VolumeOptionError && words.test(`${error.message} ${error.hint ?? ''}`),
    JSON.stringify(options),
  );
}

test('a bind, with what a bind can be told', () => {
  assert.equal(parseVolumeOptions({}), undefined);
  assert.deepEqual(parseVolumeOptions(bind), { device: '/srv', recursive: false });
  for (const type of ['', 'bind', 'ext4']) {
    assert.deepEqual(parseVolumeOptions({ ...bind, type }), { device: '/srv', recursive: false }, type);
  }
  assert.deepEqual(parseVolumeOptions({ ...bind, o: 'ro,rbind,nosuid,,rslave,noexec' }), {
    ...{ device: '/srv', recursive: true, readonly: true, propagation: 'rslave', options: ['nosuid', 'noexec'] },
  });
  assert.deepEqual(parseVolumeOptions({ ...bind, o: 'bind,ro,rw' }), {
    ...{ device: '/srv', recursive: false, readonly: false },
  });
});

test('what dockerd misses, in its words', () => {
  refused({ ...bind, wrong: 'x' }, /^invalid option: "wrong"/);
  refused({ Type: 'none' }, /^invalid option: "Type"/);
  refused(JSON.parse('{"__proto__":"x"}') as Record<string, string>, /^invalid option: "__proto__"/);
  refused({ type: 'none' }, /^missing required option: "device"/);
  refused({ o: 'bind' }, /^missing required option: "device"/);
  refused({ type: 'none', o: 'bind' }, /^missing required option: "device"/);
  refused({ device: '/srv' }, /^missing required option: "type"/);
  refused({ device: '/srv', o: 'bind' }, /^missing required option: "type"/);
  refused({ ...bind, device: '' }, /^missing device in volume options/);
  refused({ ...bind, size: '1m' }, /^quota size requested but no quota support/);
  refused({ size: '1m' }, /^quota size requested but no quota support/);
});

test('all that somebody mounts on the host is refused by name, with what can be done instead', () => {
  for (const type of ['nfs', 'cifs', 'tmpfs', 'ext4', 'overlay', 'btrfs']) {
    refused(
      { type, o: 'addr=10.0.0.1,rw', device: ':/export' },
      new RegExp(`^type "${type}".*o=bind, device=DIRECTORY`),
    );
  }
  for (const type of ['none', 'bind', '']) {
    refused({ type, device: '/srv' }, /has no word "bind" type=none, o=bind/);
    refused({ type, o: ' bind', device: '/srv' }, /" bind".*has no word "bind"/);
  }
  for (const word of [
    'uid=0',
    'size=1m',
    'Bind',
    'remount',
    'unbindable',
    'sync',
    'tmpcopyup',
    'idmap',
    'x-systemd.a',
  ]) {
    refused({ ...bind, o: `bind,${word}` }, new RegExp(`^"${word}" of the option "o"`));
  }
  refused({ ...bind, device: 'srv' }, /^device "srv" is not an absolute path/);
});

test('every flag is one of a bind mount, and only that', () => {
  for (const flag of DEVICE_FLAGS) {
    assert.ok(MOUNT_OPTION_NAMES.includes(flag), flag);
    const { data, propagation, recursiveBind, copyUp, remount, idMap } = parseMountOptions([flag]);
    const other = { data, propagation, recursiveBind, copyUp, remount, idMap };
    assert.deepEqual(
      other,
      { data: [], propagation: 0, recursiveBind: false, copyUp: false, remount: false, idMap: 'none' },
      flag,
    );
  }
});

const words = fc.array(
  fc.oneof(
    fc.constantFrom('bind', 'rbind', 'ro', 'rw', ...PROPAGATIONS, ...DEVICE_FLAGS),
    fc.constantFrom('uid=0', 'unbindable', 'size=1m', '', ' ro', '__proto__'),
    fc.string({ maxLength: 8 }),
  ),
  { maxLength: 8 },
);
const options = fc.dictionary(
  fc.oneof(fc.constantFrom('type', 'o', 'device', 'size'), fc.string({ maxLength: 6 })),
  fc.oneof(
    fc.constantFrom('none', 'bind', 'nfs', '/srv', '/a/../b'),
    words.map((all) => all.join(',')),
  ),
);

test('whatever is asked: refused by name, or nothing of it is lost', () => {
  const binds = words.map((all): Record<string, string> => ({ ...bind, o: all.join(',') }));
  fc.assert(
    fc.property(fc.oneof(options, binds), (asked) => {
      let fields;
      try {
        fields = parseVolumeOptions(asked);
      } catch (error) {
        assert.ok(error instanceof VolumeOptionError);
        return;
      }
      if (fields === undefined) {
        assert.deepEqual(Object.keys(asked), []);
        return;
      }
      const { readonly, propagation, device, options: flags = [] } = fields;
      assert.equal(device, asked.device);
      const kept = new Set([
        ...['', 'bind', 'rbind', ...flags],
        ...(readonly === undefined ? [] : ['ro', 'rw']),
        ...(propagation === undefined ? [] : PROPAGATIONS),
      ]);
      const lost = (asked.o ?? '').split(',').filter((word) => !kept.has(word));
      assert.deepEqual(lost, []);
      // as it is shown to Docker's clients where nobody has asked in their words, it means the same
      const again = parseVolumeOptions(volumeOptionsOf(fields));
      assert.deepEqual({ readonly: false, ...again }, { readonly: false, ...fields });
    }),
    { numRuns: 2000 },
  );
});
