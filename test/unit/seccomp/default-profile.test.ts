import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../../../daemon/runtime/capabilities.ts';
import { compileSeccomp } from '../../../daemon/runtime/seccomp/compile.ts';
import { ALWAYS_ALLOWED } from '../../../daemon/runtime/seccomp/default-profile/names.ts';
import { defaultSeccomp } from '../../../daemon/runtime/seccomp/default-profile.ts';
import { syscalls as aarch64 } from '../../../daemon/runtime/seccomp/syscalls/aarch64.ts';
import { syscalls as arm } from '../../../daemon/runtime/seccomp/syscalls/arm.ts';
import { syscalls as x32 } from '../../../daemon/runtime/seccomp/syscalls/x32.ts';
import { syscalls as x86 } from '../../../daemon/runtime/seccomp/syscalls/x86.ts';
import { syscalls as x86_64 } from '../../../daemon/runtime/seccomp/syscalls/x86_64.ts';
import { runFilter } from './interpreter.ts';

const X86_64 = 0xc000_003e;
const X86 = 0x4000_0003;
const ALLOW = 0x7fff_0000;
const EPERM = 0x5_0001;
const ENOSYS = 0x5_0026;

// The profile lists the architectures of the machine it is made on; these tests are about x86-64.
const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];

function profileWith(...capabilities: string[]): (name: string, ...args: (number | bigint)[]) => number {
  const set = new Set<string>([...DEFAULT_CAPABILITIES, ...capabilities]);
  const { filter } = compileSeccomp({ ...defaultSeccomp(set), architectures }, 'x64');
  return (name, ...args) => {
    const values = [0, 1, 2, 3, 4, 5].map((index) => BigInt(args[index] ?? 0));
    return runFilter(filter, { number: x86_64[name] ?? NaN, audit: X86_64, args: values });
  };
}

const DEFAULT = profileWith();

void test('ordinary calls are allowed', () => {
  for (const name of [
    'read',
    'write',
    'execve',
    'openat',
    'mmap',
    'futex',
    'ptrace',
    'rseq',
    'cachestat',
    'chroot',
    'arch_prctl',
  ]) {
    assert.equal(DEFAULT(name), ALLOW, name);
  }
});

void test('dangerous calls are denied whatever the capabilities', () => {
  const everything = profileWith(...CAPABILITIES);
  const never = [
    'keyctl',
    'add_key',
    'request_key',
    'io_uring_setup',
    'io_uring_enter',
    'io_uring_register',
    'userfaultfd',
  ];
  never.push('kexec_load', 'kexec_file_load', 'swapon', 'swapoff', 'create_module', 'nfsservctl', 'move_pages');
  for (const name of never) {
    assert.equal(DEFAULT(name), EPERM, name);
    assert.equal(everything(name), EPERM, name);
  }
});

void test('calls that need a capability are denied without it and allowed with it', () => {
  const pairs: [name: string, capability: string][] = [
    ['mount', 'CAP_SYS_ADMIN'],
    ['unshare', 'CAP_SYS_ADMIN'],
    ['setns', 'CAP_SYS_ADMIN'],
    ['bpf', 'CAP_BPF'],
    ['perf_event_open', 'CAP_PERFMON'],
    ['reboot', 'CAP_SYS_BOOT'],
    ['finit_module', 'CAP_SYS_MODULE'],
    ['open_by_handle_at', 'CAP_DAC_READ_SEARCH'],
    ['clock_settime', 'CAP_SYS_TIME'],
    ['pidfd_getfd', 'CAP_SYS_PTRACE'],
    ['syslog', 'CAP_SYSLOG'],
    ['iopl', 'CAP_SYS_RAWIO'],
  ];
  for (const [name, capability] of pairs) {
    assert.equal(DEFAULT(name), EPERM, name);
    assert.equal(profileWith(capability)(name), ALLOW, name);
  }
});

void test('namespaces cannot be cloned without CAP_SYS_ADMIN', () => {
  const admin = profileWith('CAP_SYS_ADMIN');
  assert.equal(DEFAULT('clone', 0x11), ALLOW);
  assert.equal(DEFAULT('clone', 0x3d0f00), ALLOW, 'a thread');
  for (const flag of [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]) {
    assert.equal(DEFAULT('clone', flag | 17), EPERM, flag.toString(16));
    assert.equal(DEFAULT('clone', (1n << 40n) | BigInt(flag)), EPERM, 'high bits do not hide it');
    assert.equal(admin('clone', flag), ALLOW);
  }
  assert.equal(DEFAULT('clone3'), ENOSYS);
  assert.equal(admin('clone3'), ALLOW);
});

void test('AF_ALG and AF_VSOCK are denied, also with bits above the 32 that the kernel reads', () => {
  for (const family of [38, 40]) {
    for (const high of [0n, 1n, 0x8000_0000n, 0xffff_ffffn]) {
      assert.equal(DEFAULT('socket', (high << 32n) | BigInt(family), 1), EPERM);
    }
  }
  for (const family of [0, 1, 2, 10, 16, 17, 31, 32, 35, 36, 37, 39, 41, 42, 43, 44, 45, 63]) {
    assert.equal(DEFAULT('socket', family, 1), ALLOW, String(family));
  }
  assert.equal(DEFAULT('socket', 64, 1), EPERM);
  assert.equal(DEFAULT('socket', 0xffff_ffff, 1), EPERM);
});

void test('only the harmless personalities', () => {
  for (const value of [0, 8, 0x20000, 0x20008, 0xffff_ffff]) assert.equal(DEFAULT('personality', value), ALLOW);
  // ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, and the trick with the high bits.
  for (const value of [0x004_0000, 0x040_0000, 0x1_0004_0000]) assert.equal(DEFAULT('personality', value), EPERM);
});

void test('a call newer than the profile is not there', () => {
  const { filter } = compileSeccomp({ ...defaultSeccomp(new Set(DEFAULT_CAPABILITIES)), architectures }, 'x64');
  const args = [0n, 0n, 0n, 0n, 0n, 0n];
  assert.equal(runFilter(filter, { number: 900, audit: X86_64, args }), ENOSYS);
  assert.equal(runFilter(filter, { number: 900, audit: X86, args }), ENOSYS);
  assert.equal(runFilter(filter, { number: x86.read ?? NaN, audit: X86, args }), ALLOW);
  assert.equal(runFilter(filter, { number: x86.keyctl ?? NaN, audit: X86, args }), EPERM);
  assert.equal(runFilter(filter, { number: x32.read ?? NaN, audit: X86_64, args }), ALLOW);
  assert.equal(runFilter(filter, { number: x32.keyctl ?? NaN, audit: X86_64, args }), EPERM);
  assert.equal(runFilter(filter, { number: 0, audit: 0xc000_00b7, args }), 0x8000_0000);
});

void test('every name is a system call of some machine, once', () => {
  const tables = [x86_64, x86, x32, aarch64, arm];
  for (const name of ALWAYS_ALLOWED) {
    assert.ok(
      tables.some((table) => Object.hasOwn(table, name)),
      name,
    );
  }
  assert.equal(new Set(ALWAYS_ALLOWED).size, ALWAYS_ALLOWED.length);
});
