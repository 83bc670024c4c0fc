import { CAPABILITIES } from '../../daemon/runtime/capabilities.ts';
import { MOUNT_OPTION_NAMES } from '../../daemon/runtime/plan/mount-options.ts';
import { ARCHITECTURES, syscallNumber } from '../../daemon/runtime/seccomp/architectures.ts';
import { SECCOMP_FLAGS } from '../../daemon/runtime/seccomp/compile.ts';
import { ACTIONS, HOOK_KINDS, NAMESPACE_TYPES, OPERATORS } from '../../daemon/runtime/spec/types.ts';
import { MEMORY_POLICY_FLAGS, MEMORY_POLICY_MODES } from '../../daemon/runtime/spec/validate-scheduling.ts';
import { OCI_VERSION_MAX, OCI_VERSION_MIN } from '../../daemon/runtime/spec/version.ts';
import { knowsFilterFlags } from '../../native-bindings/seccomp.ts';
import type { Command } from '../command.ts';

export const features: Command = {
  name: 'features',
  usage: '',
  summary: 'Print what a config.json may ask of this runtime, as JSON',
  notes: [
    'features.md of the runtime specification. It tells of the runtime: whether the host has it too is said when a ' +
      'container asks for it.',
  ],
  flags: [],
  operands: { min: 0, max: 0 },
  interspersed: true,
  run(_input, { print }) {
    print(`${JSON.stringify(featuresOf(flagIsKnown), undefined, 2)}\n`);
    return 0;
  },
};

/** The kernel wants this one beside SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV and minds it beside no other. */
const NEW_LISTENER = 8;

function flagIsKnown(flag: number): boolean {
  return (
    knowsFilterFlags(syscallNumber('seccomp'), flag) || knowsFilterFlags(syscallNumber('seccomp'), flag | NEW_LISTENER)
  );
}

/**
 * features.md and features-linux.md of runtime-spec 1.3.0; each list is the very table that validates or compiles.
 * `kernelKnows`: of a SECCOMP_FILTER_FLAG_*, the one thing that is asked of the host.
 */
export function featuresOf(kernelKnows: (flag: number) => boolean) {
  const knownFlags = [...SECCOMP_FLAGS.keys()];
  return {
    ociVersionMin: OCI_VERSION_MIN,
    ociVersionMax: OCI_VERSION_MAX,
    hooks: HOOK_KINDS,
    mountOptions: MOUNT_OPTION_NAMES,
    linux: {
      namespaces: NAMESPACE_TYPES,
      capabilities: CAPABILITIES,
      cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
      seccomp: {
        enabled: true,
        actions: ACTIONS,
        operators: OPERATORS,
        archs: [...ARCHITECTURES].sort(),
        knownFlags,
        supportedFlags: knownFlags.filter((name) => kernelKnows(SECCOMP_FLAGS.get(name) ?? 0)),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: { modes: [...MEMORY_POLICY_MODES.keys()], flags: [...MEMORY_POLICY_FLAGS.keys()] },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    // No annotation of a config.json changes what this runtime does.
    potentiallyUnsafeConfigAnnotations: [],
  };
}
