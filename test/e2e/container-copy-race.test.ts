/**
 * CVE-2018-15664, 2019-10152, 2026-41568: a container exchanges a directory for a link to the host, as fast as it can,
 * while files are copied out of it and into it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addAttack, Canary, hostileRoot, remove, startHostile } from '../harness/attacks.ts';
import { copyIn, copyOut, statAt } from '../harness/copy.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { file, tar } from '../harness/tar.ts';
import { until } from '../harness/until.ts';

let daemon: TestDaemon;
let canary: Canary;
before(async () => {
  daemon = await TestDaemon.open();
  canary = Canary.make(join(daemon.folder, 'canary'));
});
after(() => daemon.close());

const TURNS = 60;
const CLIMB = '../../../../../../../../../..';

for (const [kind, to] of [
  ['absolute', (folder: string) => folder],
  ['relative', (folder: string) => CLIMB + folder],
  ['through /proc', (folder: string) => `/proc/1/root${CLIMB}${folder}`],
] as const) {
  test(`a directory is exchanged for a link to the host: ${kind}`, async () => {
    const rootfs = hostileRoot(daemon, `root-${kind.replace(/\W/g, '')}`);
    addAttack(join(rootfs, 'bin/attack'));
    // made by the container: overlayfs exchanges no directories of lower layers
    const script = `mkdir -p /room/real; echo of the container > /room/real/secret; ln -s ${to(canary.folder)} /room/link`;
    const attack = 'exec attack swap /room/real /room/link';
    const racer = await startHostile(daemon, ['sh', '-c', `${script}; ${attack}`], { rootfs });
    const kinds = new Set<string>();
    await until('both are seen', async () => {
      kinds.add((await statAt(daemon, racer, '/room/real')).stat.kind);
      return kinds.has('link') && kinds.has('directory');
    });
    for (let turn = 0; turn < TURNS; turn++) {
      const path = ['/room/real', '/room/real/', '/room/real/secret', '/room'][turn % 4] ?? '';
      const query = turn % 8 < 4 ? { follow: 'true' } : {};
      const { archive } = await copyOut(daemon, racer, path, query);
      assert.ok(!archive.includes('canary secret'), `${path}: nothing of the host came out`);
      const into = turn % 2 === 0 ? '/room/real' : '/';
      const name = turn % 2 === 0 ? 'secret' : 'work/real/secret';
      const { status } = await copyIn(daemon, racer, into, tar(file(name, `copied ${turn}`), file(`${name}-${turn}`)));
      assert.ok(status < 500, `${into}: ${status}`);
      assert.deepEqual(canary.changes(), [], `turn ${turn}: nothing on the host is changed`);
    }
    const { status } = await daemon.client.must<{ status: string }>('GET', `/v1/containers/${racer}`);
    assert.equal(status, 'running', 'the race was on all the time');
    await remove(daemon, racer);
    assert.deepEqual(canary.changes(), []);
  });
}
