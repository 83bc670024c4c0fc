/** A host with cgroup v2 alone is known as one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { probeCgroups } from '../../daemon/runtime/cgroups/host.ts';
import { host, MOUNT } from './host.ts';

test('the probe finds v2, its mount and its controllers', () => {
  const found = probeCgroups();
  assert.deepEqual([found.mode, found.v1, found.v2?.mount], ['v2', [], MOUNT]);
  for (const name of ['cpu', 'cpuset', 'hugetlb', 'io', 'memory', 'pids']) {
    assert.ok(found.v2?.controllers.includes(name), name);
  }
  assert.doesNotMatch(readFileSync('/proc/self/mounts', 'utf8'), / cgroup .*memory/);
});

test('tare info says so, and what can be limited', async () => {
  const { stdout } = await host.daemon.cli(['info', '--format', 'json']);
  const { cgroup, features } = JSON.parse(stdout) as {
    cgroup: { mode: string; controllers: Record<string, string> };
    features: Record<string, { available: boolean }>;
  };
  assert.equal(cgroup.mode, 'v2');
  for (const name of ['cpu', 'cpuset', 'hugetlb', 'io', 'memory', 'pids']) {
    assert.equal(cgroup.controllers[name], 'v2', name);
  }
  for (const name of ['memoryLimit', 'cpuLimit', 'cpuset', 'pidsLimit', 'pause', 'deviceRules', 'cgroupNamespace']) {
    assert.equal(features[name]?.available, true, name);
  }
});
