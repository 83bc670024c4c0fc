/**
 * The seccomp profile of a container that asks for none (SECURITY.md, "Default profile"): deny with EPERM, allow
 * what ordinary programs use, more by capability. At least as tight as Docker's.
 *
 * Known and as in Docker: 32-bit x86 programs may use socketcall(2), whose arguments lie in memory where no
 * filter can look, so the rule about socket families does not reach them.
 */
import type { Seccomp, SeccompRule } from '../spec/types.ts';
import { ALLOWED_BY_CAPABILITY, ALWAYS_ALLOWED } from './default-profile/names.ts';

const ALLOW = 'SCMP_ACT_ALLOW';
const EPERM = 1;
const ENOSYS = 38;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACE_FLAGS = 0x7e02_0000;

/**
 * Socket families as [mask, value]: all below 64 but AF_ALG (38) and AF_VSOCK (40). The kernel reads the family
 * as a 32-bit integer, so only those bits are compared: 0x1_0000_0028 is AF_VSOCK too (libseccomp issue 383).
 */
const SOCKET_FAMILIES: readonly (readonly [mask: number, value: number])[] = [
  [0xffff_ffe0, 0], // 0–31
  [0xffff_fffc, 32], // 32–35
  [0xffff_fffe, 36], // 36, 37
  [0xffff_ffff, 39],
  [0xffff_ffff, 41],
  [0xffff_fffe, 42], // 42, 43
  [0xffff_fffc, 44], // 44–47
  [0xffff_fff0, 48], // 48–63
];

/** PER_LINUX, PER_LINUX32, each also with UNAME26, and the query. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

function socketRules(): SeccompRule[] {
  return SOCKET_FAMILIES.map(([mask, value]) => ({
    names: ['socket'],
    action: ALLOW,
    args: [{ index: 0, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }],
  }));
}

function personalityRules(): SeccompRule[] {
  return PERSONALITIES.map((value) => ({
    names: ['personality'],
    action: ALLOW,
    args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
  }));
}

/** New namespaces only with CAP_SYS_ADMIN. clone3 keeps its flags in memory: "not there" makes a C library use clone. */
function cloneRules(): SeccompRule[] {
  return [
    {
      names: ['clone'],
      action: ALLOW,
      args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
  ];
}

/** The profile for a container with `capabilities` ("CAP_SYS_ADMIN" …) in its bounding set. */
export function defaultSeccomp(capabilities: ReadonlySet<string>): Seccomp {
  const byCapability = Object.entries(ALLOWED_BY_CAPABILITY)
    .filter(([capability]) => capabilities.has(capability))
    .flatMap(([, names]) => names);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures:
      process.arch === 'arm64'
        ? ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']
        : ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [
      { names: [...new Set([...ALWAYS_ALLOWED, ...byCapability])], action: ALLOW },
      ...socketRules(),
      ...personalityRules(),
      ...(capabilities.has('CAP_SYS_ADMIN') ? [] : cloneRules()),
    ],
  };
}
