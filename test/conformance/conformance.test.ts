/**
 * Every conformance program on tare-oci. `TARE_TEST_RUNTIME="runc"` (a command line) tries another runtime, which says
 * whether a program is right: crun 1.8 is clean on 48 of them and runc 1.1 on 37.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { OciRuntime } from '../harness/oci.ts';
import { ordinarySpec } from './config.ts';
import { Findings } from './program.ts';
import { PROGRAMS } from './programs.ts';

/** What a host may not have. Then the program fails by a refusal that names it, and by nothing else. */
const MAY_LACK: Record<string, { why: string; refusal: RegExp }> = {
  process_capabilities: { why: 'a capability outside of the bounding set', refusal: /capabilities/ },
  linux_process_apparmor_profile: { why: 'AppArmor, or a profile of that name', refusal: /apparmor/i },
  linux_mount_label: { why: 'SELinux', refusal: /mountLabel.*SELinux/ },
  linux_cgroups_memory_kernel: { why: 'limits of kernel memory, which Linux 5.16 dropped', refusal: /memory\.kernel/ },
  linux_cgroups_blkio: { why: 'an I/O scheduler with leaf weights, which Linux 5.0 dropped', refusal: /blockIO/ },
  linux_cgroups_relative_blkio: { why: 'the same', refusal: /blockIO/ },
  linux_cgroups_network: { why: 'the controllers net_cls and net_prio', refusal: /network/ },
  linux_cgroups_relative_network: { why: 'the same', refusal: /network/ },
};

const command = process.env.TARE_TEST_RUNTIME?.split(' ');
const folder = mkdtempSync(join(tmpdir(), 'tare-conformance-'));
const report = join(folder, 'report');
before(() => {
  const source = join(import.meta.dirname, '../probe/report.c');
  execFileSync('cc', ['-O2', '-static', '-Wall', '-Wextra', '-Werror', '-o', report, source]);
});
after(() => rmSync(folder, { recursive: true }));

/** The programs on control groups are those of v1: the lane of v2 has tests of its own (test/vm). */
const runsHere = (name: string): boolean => !name.startsWith('linux_cgroups') || existsSync('/sys/fs/cgroup/cpu');

describe('conformance', () => {
  for (const [name, run] of Object.entries(PROGRAMS)) {
    if (!runsHere(name)) continue;
    test(name, async () => {
      const findings = new Findings();
      const runtime = command === undefined ? new OciRuntime() : new OciRuntime(command);
      try {
        await run({ runtime, spec: (args = ['/report']) => ordinarySpec(args), findings, report });
      } finally {
        await runtime.close();
      }
      assert.ok(findings.all.length > 0);
      const { refusal } = MAY_LACK[name] ?? {};
      const faults = findings.failed.filter(({ detail }) => refusal?.test(detail) !== true);
      assert.deepEqual(faults, []);
    });
  }
});
