/** Root file systems for tests: busybox and the probe, made in a folder of the test's own. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const BUSYBOX = '/bin/busybox';

/** A root with busybox's programs in /bin, /etc/passwd with root, daemon and alice (1000), and an empty /tmp. */
export function makeRootfs(folder: string): string {
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'home/alice', 'var']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  chmodSync(join(folder, 'tmp'), 0o1777);
  if (!existsSync(BUSYBOX)) throw new Error(`${BUSYBOX} is missing: install Debian's busybox-static`);
  copyFileSync(BUSYBOX, join(folder, 'bin/busybox'));
  chmodSync(join(folder, 'bin/busybox'), 0o755);
  for (const name of execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).split('\n')) {
    if (name !== '' && name !== 'busybox') symlinkSync('busybox', join(folder, 'bin', name));
  }
  writeFileSync(
    join(folder, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\nalice:x:1000:1000::/home/alice:/bin/sh\n',
  );
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\ndaemon:x:1:\nalice:x:1000:\nwheel:x:10:alice\n');
  return folder;
}

const PROBE_SOURCE = join(import.meta.dirname, '../probe/probe.c');

/** test/probe/probe.c as `<rootfs>/bin/probe`; TARE_PROBE names one that is compiled, for where no compiler is. */
export function addProbe(rootfs: string): void {
  const program = join(rootfs, 'bin/probe');
  if (process.env.TARE_PROBE !== undefined) copyFileSync(process.env.TARE_PROBE, program);
  else execFileSync('cc', ['-O2', '-static', '-Wall', '-Wextra', '-Werror', '-o', program, PROBE_SOURCE]);
}
