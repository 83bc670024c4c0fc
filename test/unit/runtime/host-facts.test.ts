import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { probeHostFacts } from '../../../daemon/runtime/host-facts.ts';

test('this host: its own namespaces are known by any of their paths', () => {
  const { isOwnNamespace } = probeHostFacts();
  assert.ok(isOwnNamespace('network', '/proc/self/ns/net'));
  assert.ok(isOwnNamespace('pid', `/proc/${String(process.pid)}/ns/pid_for_children`));
  assert.ok(!isOwnNamespace('network', '/proc/self/ns/ipc'));
  assert.ok(!isOwnNamespace('network', '/proc/self/ns/no-such-file'));
});

test('security modules and resctrl, as their files tell', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tare-facts-'));
  t.after(() => {
    rmSync(root, { recursive: true });
  });
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write('proc/self/mountinfo', '22 1 0:20 / /proc rw shared:1 - proc proc rw\n');
  const bare = probeHostFacts(root);
  assert.deepEqual([bare.appArmor, bare.seLinux, bare.resctrl], [false, false, undefined]);

  const resctrl = join(root, 'res ctrl').replaceAll(' ', '\\040');
  write('sys/module/apparmor/parameters/enabled', 'Y\n');
  write('res ctrl/gold/schemata', 'L3:0=f\n');
  write(
    'proc/self/mountinfo',
    `30 1 0:7 / /sys/fs/selinux rw - selinuxfs selinuxfs rw\n31 1 0:8 / ${resctrl} rw - resctrl resctrl rw\n`,
  );
  const full = probeHostFacts(root);
  assert.deepEqual([full.appArmor, full.seLinux, full.resctrl?.mount], [true, true, join(root, 'res ctrl')]);
  assert.equal(full.resctrl?.schemataOf(join(root, 'res ctrl/gold')), 'L3:0=f\n');
  assert.equal(full.resctrl.schemataOf(join(root, 'res ctrl/lead')), undefined);
  write('sys/module/apparmor/parameters/enabled', 'N\n');
  assert.equal(probeHostFacts(root).appArmor, false);
});
