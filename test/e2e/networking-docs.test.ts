/** The lines of docs/networking.md are executed as they stand there, in order, on a host of this test's own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../harness/daemon.ts';
import { HOST, NetworkRoom, OUTSIDE } from '../harness/network.ts';
import { blocksOf } from '../harness/pages.ts';

const PAGE = 'docs/networking.md';
const top = join(import.meta.dirname, '../..');

let room: NetworkRoom;
before(async () => {
  room = await NetworkRoom.open();
});
after(async () => {
  await room.close();
  // The page's own, left where one of its lines failed.
  rmSync('/run/tare-example', { recursive: true, force: true });
});

/** What the lines under a heading print, in their order. */
const EXPECTED: Record<string, RegExp[]> = {
  'In short': [/^hello from web$/m, /^web 0\.0\.0\.0:8080->80\/tcp, \[::\]:8080->80\/tcp$/m, /^hello from web$/m],
  'Networks of your own': [
    /^[0-9a-f]{64}\n[0-9a-f]{64}$/m,
    /^[0-9a-f]{12} +front +bridge +10\.77\.0\.0\/24, fd[0-9a-f:]+\/64$/m,
    /^hello from db$/m,
    /^front: 10\.77\.0\.0\/24 fd[0-9a-f:]+\/64 $/m,
    /^eth1@\S+ +UP +10\.77\.0\.9\/24 *$/m,
  ],
  Names: [/^\S+ +db$/m, /^\S+ +store\.back$/m, /^172\.\S+\thost\.docker\.internal$/m, /^192\.0\.2\.7\tlegacy$/m],
  'Published ports': [
    /^80\/tcp -> 0\.0\.0\.0:8080\n80\/tcp -> \[::\]:8080\n443\/tcp -> 127\.0\.0\.1:8443$/m,
    /^127\.0\.0\.1:8443$/m,
  ],
  'Other modes': [/^lo +UNKNOWN +127\.0\.0\.1\/8 ::1\/128 *\n(?!eth)/m, /^hello from web$/m],
  'Internal networks': [/^hello from vault$/m, /^172\.\S+ dev eth0 .*\nunknown here$/m],
  'Assembling your own': [
    /^eth0@\S+ .*192\.0\.2\.5\/24 2001:db8::5\/64/m,
    /^198\.51\.100\.0\/24 via 192\.0\.2\.1 dev eth0/m,
    /^eth0@\S+ +UP +172\./m,
  ],
  'On the host': [/^tare-[0-9a-f]{8}: .*net\.ipv4\.ip_forward was 0, is 1\. /m],
};

const outputs = new Map<string, string>();

for (const [index, { heading, text }] of blocksOf(PAGE, 'sh').entries()) {
  test(`${PAGE}, ${heading}, block ${index + 1}`, async () => {
    const { code, stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', text], {
      env: {
        PATH: `${join(top, 'bin')}:${process.env.PATH ?? ''}`,
        TARE_HOST: `unix://${room.daemon.socket}`,
      },
    });
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    outputs.set(heading, (outputs.get(heading) ?? '') + stdout);
  });
}

test('what the lines printed is what the page says', () => {
  assert.deepEqual(Object.keys(EXPECTED).toSorted(), [...outputs.keys()].toSorted());
  for (const [heading, patterns] of Object.entries(EXPECTED)) {
    let rest = outputs.get(heading) ?? '';
    for (const pattern of patterns) {
      const found = pattern.exec(rest);
      assert.ok(found !== null, `${heading}: ${String(pattern)} in:\n${rest}`);
      rest = rest.slice(found.index + found[0].length);
    }
  }
});

test('the ruleset of the page lets through what is meant, and without its lines for the bridges nothing passes', async () => {
  const [{ text: ruleset } = { text: '' }] = blocksOf(PAGE, 'nft');
  const lines = ruleset.split('\n');
  assert.equal(lines.filter((line) => line.includes('tare-')).length, 4);
  const load = (text: string) => execFileSync('nft', ['-f', '-'], { input: text });
  const served = await room.listener(['tcp:80'], {
    name: 'served',
    network: { publish: [{ hostPort: 8090, containerPort: 80 }] },
  });
  const other = await room.idle();
  await room.outside.serve('tcp:7000');
  load(lines.filter((line) => !line.includes('tare-')).join('\n'));
  for (const address of [HOST.v4, HOST.v6])
    assert.match(await room.outside.askInVain('tcp', address, 8090), /ETIMEDOUT/);
  assert.match(await other.place.askInVain('tcp', OUTSIDE.v4, 7000), /ETIMEDOUT/);
  load(`delete table inet host\n${ruleset}`);
  assert.equal(await room.outside.ask('tcp', HOST.v4, 8090), `${OUTSIDE.v4} ${served.v4}`);
  assert.equal(await room.outside.ask('tcp', HOST.v6, 8090), `${OUTSIDE.v6} ${served.v6}`);
  assert.equal(await other.place.ask('tcp', 'served', 80, { family: 4 }), `${other.v4} ${served.v4}`);
  assert.equal(await other.place.ask('tcp', 'served', 80, { family: 6 }), `${other.v6} ${served.v6}`);
  assert.equal(await other.place.ask('tcp', OUTSIDE.v4, 7000), `${HOST.v4} ${OUTSIDE.v4}`);
  assert.equal(await other.place.ask('tcp', OUTSIDE.v6, 7000), `${HOST.v6} ${OUTSIDE.v6}`);
  load('delete table inet host');
  await room.remove(served, other);
});
