import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';
import { featuresOf } from '../../../oci/commands/features.ts';

const features = featuresOf(() => true);

/** A config.json that asks for `linux` is valid. */
function accepts(linux: Record<string, unknown>, rest: Record<string, unknown> = {}): void {
  validateSpec(
    {
      ociVersion: '1.3.0',
      root: { path: 'rootfs' },
      process: { cwd: '/', args: ['x'], user: { uid: 0, gid: 0 } },
      ...rest,
      linux: {
        namespaces: [{ type: 'mount' }, { type: 'network' }, { type: 'user' }],
        uidMappings: [{ containerID: 0, hostID: 0, size: 1 }],
        gidMappings: [{ containerID: 0, hostID: 0, size: 1 }],
        ...linux,
      },
    },
    { unknown: 'refuse' },
  );
}

describe('features', () => {
  it('has the shape of features-schema.json', () => {
    const semver = /^\d+\.\d+\.\d+$/;
    assert.match(features.ociVersionMin, semver);
    assert.match(features.ociVersionMax, semver);
    assert.deepEqual(features.potentiallyUnsafeConfigAnnotations, []);
    const { linux } = features;
    const lists = [
      features.hooks,
      features.mountOptions,
      linux.namespaces,
      linux.capabilities,
      linux.seccomp.actions,
      linux.seccomp.operators,
      linux.seccomp.archs,
      linux.seccomp.knownFlags,
      linux.seccomp.supportedFlags,
      linux.memoryPolicy.modes,
      linux.memoryPolicy.flags,
    ];
    for (const list of lists) {
      assert.ok(list.length > 0);
      assert.deepEqual(list, [...new Set<string>(list)], 'no name twice');
      for (const name of list) assert.match(name, /^[A-Za-z0-9_]+$/);
    }
    for (const name of linux.capabilities) assert.match(name, /^CAP_[A-Z_]+$/);
    for (const name of linux.seccomp.archs) assert.match(name, /^SCMP_ARCH_[A-Z0-9_]+$/);
    for (const part of [linux.apparmor, linux.selinux, linux.intelRdt, linux.mountExtensions.idmap, linux.netDevices]) {
      assert.equal(typeof part.enabled, 'boolean');
    }
    for (const value of Object.values(linux.cgroup)) assert.equal(typeof value, 'boolean');
  });

  it('names every word that the specification has', () => {
    assert.deepEqual([...features.linux.namespaces].sort(), [
      'cgroup',
      'ipc',
      'mount',
      'network',
      'pid',
      'time',
      'user',
      'uts',
    ]);
    assert.equal(features.hooks.length, 6);
    for (const option of 'ro rro rw nosuid rnosuid bind rbind rprivate rslave idmap ridmap tmpcopyup'.split(' ')) {
      assert.ok(features.mountOptions.includes(option), option);
    }
    const { actions, archs, knownFlags } = features.linux.seccomp;
    assert.ok((actions as readonly string[]).includes('SCMP_ACT_NOTIFY'));
    for (const arch of ['X86', 'X86_64', 'X32', 'AARCH64', 'RISCV64']) assert.ok(archs.includes(`SCMP_ARCH_${arch}`));
    assert.ok(knownFlags.includes('SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'));
  });

  it('promises only what a config.json may really ask for', () => {
    for (const kind of features.hooks) accepts({}, { hooks: { [kind]: [{ path: '/bin/true' }] } });
    for (const type of features.linux.namespaces) {
      accepts({ namespaces: [...new Set(['mount', 'user', type])].map((name) => ({ type: name })) });
    }
    for (const defaultAction of features.linux.seccomp.actions.filter((name) => name !== 'SCMP_ACT_NOTIFY')) {
      accepts({ seccomp: { defaultAction, architectures: features.linux.seccomp.archs } });
    }
    for (const flag of features.linux.seccomp.knownFlags.filter((name) => !name.endsWith('_RECV'))) {
      accepts({ seccomp: { defaultAction: 'SCMP_ACT_ALLOW', flags: [flag] } });
    }
    accepts({ intelRdt: { closID: 'a', schemata: ['L3:0=f'], enableMonitoring: true } });
    accepts({ netDevices: { dummy0: { name: 'eth0' } } });
    accepts({ resources: { rdma: { mlx5_1: { hcaHandles: 3 } } } });
    const { capabilities } = features.linux;
    const everything = { bounding: [...capabilities] };
    accepts({}, { process: { cwd: '/', args: ['x'], user: { uid: 0, gid: 0 }, capabilities: everything } });
  });

  it('asks the kernel about seccomp flags alone', () => {
    const { knownFlags, supportedFlags } = featuresOf((flag) => flag === 2).linux.seccomp;
    assert.deepEqual(supportedFlags, ['SECCOMP_FILTER_FLAG_LOG']);
    assert.equal(knownFlags.length, 4);
  });
});
