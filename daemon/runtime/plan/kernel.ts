/** Numbers of the kernel's interface that plans are made of; the same on every architecture of Node 24's Linux builds. */
import type { NamespaceType } from '../spec/types.ts';

/** clone(2), include/uapi/linux/sched.h. */
export const CLONE_FLAGS: Readonly<Record<NamespaceType, number>> = {
  time: 0x0000_0080,
  mount: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
};

/** Propagation and MS_REC, mount(2). */
export const MS = {
  REC: 1 << 14,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
} as const;

/** mount_setattr(2), include/uapi/linux/mount.h. `ATIME` is the mask of the three kinds, of which relatime is 0. */
export const MOUNT_ATTR = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  ATIME: 0x70,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  NOSYMFOLLOW: 0x20_0000,
} as const;
