/** Attacks of a container's first process on whatever joins it. */
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { addAttack } from '../harness/attacks.ts';
import { until } from '../harness/until.ts';
import { testAttack, type Outcome, type Scene } from './attack.ts';
import { hardenedSpec } from './spec.ts';

const JOINS = 1000;
/** Peers start a process of their own for each, and are not what is tested. */
const PEER_JOINS = 40;
const SHIM = join(import.meta.dirname, '../../build/shim/tare-shim');
const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Execs that end at once. Those of tare-oci are all made by one process: Node's own start would be most of the time. */
async function joinMany(scene: Scene, id: string, count: number): Promise<void> {
  if (scene.command.some((word) => /crun|runc/.test(word))) {
    for (let turn = 0; turn < PEER_JOINS; turn++) await scene.runtime.exec(id, ['/bin/true']);
    return;
  }
  const words = [join(import.meta.dirname, 'many-execs.ts'), String(count), scene.weakening, scene.runtime.root, id];
  await promisify(execFile)(process.execPath, words);
}

async function hunt(scene: Scene): Promise<Outcome> {
  const bundle = scene.bundle(hardenedSpec(['attack', 'hunt']));
  addAttack(bundle.inside('bin/attack'));
  const id = await scene.startHostile(bundle);
  const output = () => readFileSync(join(bundle.folder, 'stdout'), 'utf8');
  await until('the hunt is on', () => output().includes('ready'));
  const unharmed = hashOf(SHIM);
  const caught = () =>
    output()
      .split('\n')
      .filter((line) => line !== '' && line !== 'ready');
  // Weakened, the first catch is enough.
  const rounds = scene.weakening === '' ? 1 : 50;
  for (let round = 0; round < rounds && caught().length === 0; round++) await joinMany(scene, id, JOINS / rounds);
  await scene.runtime.delete(id, true);
  return { succeeded: caught().length > 0 || hashOf(SHIM) !== unharmed, evidence: caught().slice(0, 5).join('\n') };
}

testAttack({
  name: 'CVE-2016-9962, 2019-5736: pid 1 hunts a thousand joining execs',
  attempt: hunt,
  weakenings: ['tracer'],
});

/** Whoever has CAP_SYS_PTRACE sees what a joining process sees: that must be the container's files by then. */
async function lookThrough(scene: Scene): Promise<Outcome> {
  const spec = hardenedSpec(['attack', 'look', join(scene.canary.folder, 'secret')]);
  const names = ['CAP_SYS_PTRACE'];
  Object.assign(spec.process!.capabilities, { bounding: names, effective: names, permitted: names });
  const bundle = scene.bundle(spec);
  addAttack(bundle.inside('bin/attack'));
  const id = await scene.startHostile(bundle);
  const seen = () => readFileSync(join(bundle.folder, 'stdout'), 'utf8').match(/^before execve: .*$/gm) ?? [];
  await until('joins were seen', async () => {
    await joinMany(scene, id, 50);
    return seen().length >= 20;
  });
  await scene.runtime.delete(id, true);
  const outside = seen().filter((line) => line.includes('host'));
  return { succeeded: outside.length > 0, evidence: outside.slice(0, 5).join('\n') };
}

testAttack({
  name: 'CVE-2016-9962, 2024-21626: with CAP_SYS_PTRACE, the host’s files through what joins',
  attempt: lookThrough,
  weakenings: ['born_outside'],
});

async function ownExecutable(scene: Scene): Promise<Outcome> {
  const bundle = scene.bundle(hardenedSpec(['attack', 'hunt']));
  addAttack(bundle.inside('bin/attack'));
  const id = await scene.startHostile(bundle);
  const unharmed = hashOf(SHIM);
  writeFileSync(bundle.inside('bin/script'), '#!/proc/self/exe\n', { mode: 0o755 });
  symlinkSync('/proc/self/exe', bundle.inside('bin/itself'));
  const seen = () => readFileSync(join(bundle.folder, 'stdout'), 'utf8');
  // the hunter looks at one process in three, and has to be there while it runs
  for (let turn = 0; turn < (scene.weakening === '' ? 4 : 200) && !seen().includes('written: ok'); turn++) {
    for (const program of ['/proc/self/exe', '/bin/script', '/bin/itself'])
      await scene.runtime.exec(id, [program, 'x']);
  }
  await scene.runtime.delete(id, true);
  const output = seen();
  const succeeded = output.includes('written: ok') || hashOf(SHIM) !== unharmed;
  return { succeeded, evidence: output.slice(-500) };
}

testAttack({
  name: 'CVE-2019-5736: a program that is the runtime’s own executable, rewritten',
  attempt: ownExecutable,
  weakenings: ['unsealed'],
});
