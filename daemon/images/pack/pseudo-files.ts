/** File systems of a running container that hold no files but a view of the kernel: nothing is copied from or to them. */
import { statfsSync } from 'node:fs';

/** f_type of statfs(2): include/uapi/linux/magic.h. */
const PSEUDO: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
  [0xf97cff8c, 'selinuxfs'],
  [0xcafe4a11, 'bpf'],
  [0x19800202, 'mqueue'],
  [0x1cd1, 'devpts'],
  [0x42494e4d, 'binfmt_misc'],
  [0x62656570, 'configfs'],
  [0xde5e81e4, 'efivarfs'],
  [0x6165676c, 'pstore'],
  [0x6e736673, 'nsfs'],
]);

/** The name of the file system that the open file is on, if it is one of these. */
export function pseudoFileSystemOf(fd: number): string | undefined {
  return PSEUDO.get(statfsSync(`/proc/self/fd/${String(fd)}`).type);
}
