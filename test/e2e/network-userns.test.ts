/** Containers with a user namespace of their own on a root file system that is the host's root's. */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { NetworkRoom } from '../harness/network.ts';

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
  // root of the user namespace has to come to its root file system
  chmodSync(room.daemon.folder, 0o755);
});
after(() => room.close());

const MAPPINGS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
/** Not that of control groups: then the container's groups are bound into it, which the shim makes meanwhile. */
const namespaces = ['pid', 'network', 'ipc', 'uts', 'mount', 'user'].map((type) => ({ type }));
const oci = { linux: { namespaces, uidMappings: MAPPINGS, gidMappings: MAPPINGS } };

for (const mode of ['none', 'bridge']) {
  test(`mode ${mode}: it starts each time, without the files that its root cannot make`, async () => {
    for (let turn = 0; turn < 5; turn++) {
      const body = { rootfs: room.daemon.rootfs, command: ['ip', '-o', 'address'], network: { mode }, oci };
      const made = await room.daemon.client.must<{ id: string; warnings: string[] }>('POST', '/v1/containers', body);
      const told = made.warnings.filter((warning) =>
        /^\/etc\/(hosts|hostname|resolv\.conf) is left as it is/.test(warning),
      );
      assert.equal(told.length, mode === 'bridge' ? 3 : 0, made.warnings.join());
      await room.daemon.client.must('POST', `/v1/containers/${made.id}/start`);
      await room.daemon.client.must('GET', `/v1/containers/${made.id}/wait`);
      const seen = await room.daemon.logText(made.id, 'stdout');
      assert.equal(/eth0 +inet /.test(seen), mode === 'bridge', seen);
      await room.daemon.client.must('DELETE', `/v1/containers/${made.id}`);
    }
  });
}
