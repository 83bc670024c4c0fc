/** Hosts of every kind, as the text of their mountinfo. */
import { parseCgroupHost } from '../../../daemon/runtime/cgroups/host.ts';
import type { CgroupHost } from '../../../daemon/runtime/cgroups/host.ts';

const ROOT = '30 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n31 30 0:25 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n';

const CONTROLLERS = 'cpuset cpu io memory hugetlb pids rdma';

/** One hierarchy for cpu and cpuacct, as most distributions had it; a shared propagation field; an odd mount point. */
export const V1 = parseCgroupHost(
  [
    ROOT.trimEnd(),
    '32 31 0:26 / /sys/fs/cgroup/systemd rw,nosuid shared:9 - cgroup cgroup rw,xattr,name=systemd',
    '33 31 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct',
    '34 31 0:28 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory',
    '35 31 0:29 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices',
    '36 31 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
    '37 31 0:31 / /sys/fs/cgroup/net\\040things rw - cgroup cgroup rw,net_cls,net_prio',
    '38 31 0:32 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
    '39 31 0:33 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio',
    '40 31 0:34 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer',
    '41 31 0:35 / /sys/fs/cgroup/hugetlb rw - cgroup cgroup rw,hugetlb',
    '42 30 0:28 / /mnt/memory-again rw - cgroup cgroup rw,memory',
  ].join('\n'),
  () => '',
);

export const HYBRID = parseCgroupHost(
  [
    ROOT.trimEnd(),
    '32 31 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
    '34 31 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '35 31 0:29 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices',
    '43 31 0:36 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n'),
  () => 'hugetlb\n',
);

export const V2 = parseCgroupHost(
  '30 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 30 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n',
  () => `${CONTROLLERS}\n`,
);

export const NONE = parseCgroupHost('30 1 8:1 / / rw - ext4 /dev/sda1 rw\n', () => '');

/** The same host, of which it is known that groups have just these files. */
export function knowing(host: CgroupHost, ...files: string[]): CgroupHost {
  return {
    ...host,
    v1: host.v1.map((hierarchy) => ({ ...hierarchy, files })),
    ...(host.v2 === undefined ? {} : { v2: { ...host.v2, files } }),
  };
}
