/** Through the error a user sees the step that failed: operation, errno, path. */
import assert from 'node:assert/strict';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Problem } from '../../shared/api/problem.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { makeRootfs } from '../harness/rootfs.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
});
after(() => daemon.close());

async function failure(request: Record<string, unknown>): Promise<Problem> {
  const made = await daemon.client.send<{ id: string } & Problem>('POST', '/v1/containers', {
    rootfs: daemon.rootfs,
    command: ['/bin/true'],
    ...request,
  });
  if (made.status !== 201) return made.body;
  const started = await daemon.client.send<Problem>('POST', `/v1/containers/${made.body.id}/start`);
  assert.ok(started.status >= 400, 'the start should have failed');
  const { failure: kept } = await daemon.client.must<{ failure?: string }>('GET', `/v1/containers/${made.body.id}`);
  assert.equal(kept, started.body.detail, 'inspect tells why the last start failed');
  await daemon.client.must('DELETE', `/v1/containers/${made.body.id}`);
  return started.body;
}

test('a bind mount whose source is missing names mount, path and errno', async () => {
  const problem = await failure({ mounts: [{ type: 'bind', source: '/no/such/source', target: '/data' }] });
  assert.match(problem.detail, /\/no\/such\/source/);
  assert.match(problem.detail, /ENOENT/);
  assert.match(problem.detail, /bind|mount/);
});

test('a tmpfs option that the kernel does not know', async () => {
  const problem = await failure({ mounts: [{ type: 'tmpfs', target: '/data', options: ['no_such_option=1'] }] });
  assert.match(problem.detail, /\/data/);
  assert.match(problem.detail, /EINVAL/);
  assert.equal(problem.operation?.name, 'mount');
});

test('a sysctl that the kernel refuses', async () => {
  const problem = await failure({ sysctls: { 'net.ipv4.ip_forward': 'banana' } });
  assert.match(problem.detail, /ip_forward/);
  assert.match(problem.detail, /EINVAL/);
  assert.equal(problem.operation?.name, 'sysctl');
});

test('an rlimit above what this process may give', async () => {
  const problem = await failure({
    oci: { process: { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 1073741816 }] } },
  });
  assert.match(problem.detail, /RLIMIT_NOFILE|nofile/i);
  assert.match(problem.detail, /EPERM/);
});

test('/proc as a symlink in the root is refused (CVE-2019-16884, 2019-19921)', async () => {
  const rootfs = makeRootfs(join(daemon.folder, 'proc-link'));
  await rm(join(rootfs, 'proc'), { recursive: true });
  await mkdir(join(rootfs, 'elsewhere'));
  await symlink('/elsewhere', join(rootfs, 'proc'));
  const problem = await failure({ rootfs });
  assert.match(problem.detail, /\/proc/);
  assert.match(problem.detail, /ELOOP|symlink|ENOTDIR/);
});

test('the CLI shows the same words', async () => {
  const { code, stderr } = await daemon.cli([
    'run',
    '--rm',
    '-v',
    '/no/such/source:/data',
    '--rootfs',
    daemon.rootfs,
    '/bin/true',
  ]);
  assert.equal(code, 125);
  assert.match(stderr, /\/no\/such\/source/);
  assert.match(stderr, /ENOENT/);
});
