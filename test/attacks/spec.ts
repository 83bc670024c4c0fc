/** The container that is attacked: what engines ask of a runtime by default, with little added. */
import { ordinarySpec, type Spec } from '../conformance/config.ts';

const MASKED = ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug', '/sys/firmware'];
const READONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
/** The kernel reads an int, so that these 32 bits are all that counts (libseccomp #383). */
const INT = 0xffff_ffff;
const FAMILIES = { ALG: 38, VSOCK: 40 };

export function hardenedSpec(args: string[]): Spec {
  const spec = ordinarySpec(args);
  spec.root.path = 'rootfs';
  Object.assign(spec.process!.capabilities, { inheritable: [], ambient: [] });
  spec.linux.maskedPaths = MASKED;
  spec.linux.readonlyPaths = READONLY;
  spec.linux.seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [
      { names: ['unshare', 'mount', 'setns', 'keyctl', 'add_key', 'socketcall'], action: 'SCMP_ACT_ERRNO' },
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
      ...Object.values(FAMILIES).map((family) => ({
        names: ['socket'],
        action: 'SCMP_ACT_ERRNO',
        args: [{ index: 0, value: INT, valueTwo: family, op: 'SCMP_CMP_MASKED_EQ' }],
      })),
    ],
  };
  return spec;
}
