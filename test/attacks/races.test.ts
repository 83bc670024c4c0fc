/** A container exchanges names in a volume as fast as it can, while another that has the same volume is started. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addAttack } from '../harness/attacks.ts';
import { newId } from '../harness/oci.ts';
import { until } from '../harness/until.ts';
import type { Mount, Spec } from '../conformance/config.ts';
import { testAttack, type Outcome, type Scene } from './attack.ts';
import { hardenedSpec } from './spec.ts';

/** Each is an even chance for whoever goes by names. */
const STARTS = 10;
/** Where it is to succeed it ends at the first success. */
const WEAKENED_STARTS = 60;
const CLIMB = '../../../../../../../../../..';

/** The volume at /vol, in which `first` and `second` change places while `STARTS` containers live. */
async function race(
  scene: Scene,
  volume: string,
  names: [string, string],
  live: (mount: Mount) => Promise<boolean>,
): Promise<boolean> {
  const mount: Mount = { destination: '/vol', type: 'bind', source: volume, options: ['rbind'] };
  const spec = hardenedSpec(['attack', 'swap', ...names.map((name) => `/vol/${name}`)]);
  spec.mounts.push(mount);
  const bundle = scene.bundle(spec);
  addAttack(bundle.inside('bin/attack'));
  const racer = await scene.startHostile(bundle);
  try {
    await until('the race is on', () => readFileSync(join(bundle.folder, 'stdout'), 'utf8').includes('ready'));
    const starts = scene.weakening === '' ? STARTS : WEAKENED_STARTS;
    for (let turn = 0; turn < starts; turn++) if (await live(mount)) return true;
    return false;
  } finally {
    await scene.runtime.delete(racer, true);
  }
}

/** What is raced against is done when create returns. Answers whether it came to harm. */
async function makeAndRemove(scene: Scene, spec: Spec): Promise<boolean> {
  const bundle = scene.bundle(spec);
  const id = newId();
  const { code } = await scene.runtime.create(id, bundle);
  if (code === 0) await scene.runtime.delete(id, true);
  bundle.remove();
  return scene.harmed().length > 0;
}

const exchanged =
  (climb: string) =>
  async (scene: Scene): Promise<Outcome> => {
    const volume = join(scene.runtime.folder, 'volume');
    mkdirSync(join(volume, 'point'), { recursive: true });
    symlinkSync(climb + scene.canary.folder, join(volume, 'link'));
    const succeeded = await race(scene, volume, ['point', 'link'], async (mount) => {
      const spec = hardenedSpec(['true']);
      const size = { type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] };
      spec.mounts.push(mount, { destination: '/vol/point/made', ...size }, { destination: '/vol/point', ...size });
      return makeAndRemove(scene, spec);
    });
    return { succeeded, evidence: scene.harmed().join() };
  };

for (const [name, climb] of [
  ['absolute', ''],
  ['relative', CLIMB],
] as const) {
  testAttack({
    name: `CVE-2021-30465, 2024-45310: a mount point is exchanged for a link to the host (${name})`,
    attempt: exchanged(climb),
    weakenings: ['naive_paths'],
    notOn: { runc: 'runc 1.1.5 makes directories by their path (CVE-2024-45310, mended in 1.1.14)' },
  });
}

/** Over the directory of a parameter lies a mount whose target is exchanged: the write must reach procfs alone. */
async function redirectedSysctl(scene: Scene): Promise<Outcome> {
  const volume = join(scene.runtime.folder, 'volume');
  mkdirSync(join(volume, 'point'), { recursive: true });
  writeFileSync(join(volume, 'point/ip_forward'), 'canary\n');
  symlinkSync('/proc/sys/net/ipv4', join(volume, 'link'));
  const succeeded = await race(scene, volume, ['point', 'link'], async (mount) => {
    const spec = hardenedSpec(['true']);
    spec.linux.sysctl = { 'net.ipv4.ip_forward': '1', 'net.ipv4.ip_default_ttl': '77' };
    spec.mounts.push(mount, {
      destination: '/vol/point',
      type: 'bind',
      source: scene.canary.folder,
      options: ['rbind'],
    });
    return makeAndRemove(scene, spec);
  });
  return { succeeded, evidence: scene.harmed().join() };
}

testAttack({
  name: 'CVE-2025-52881, 62596: a sysctl write while mounts over procfs are exchanged',
  attempt: redirectedSysctl,
  weakenings: ['redirected_sysctl'],
  notOn: { runc: 'runc 1.1.5 has the fault (mended in 1.2.8), though forty starts did not bring it out' },
});
