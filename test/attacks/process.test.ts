/** Attacks on what a process is given: capabilities, ids, its directory, descriptors. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Outcome, Scene } from './attack.ts';
import { testAttack } from './attack.ts';
import { hardenedSpec } from './spec.ts';

const SLEEP = ['sh', '-c', 'exec sleep 1000'];

/** The inheritable and ambient set of a /proc/PID/status. */
const sets = (status: string): string[] =>
  [...status.matchAll(/^Cap(?:Inh|Amb):\s*([0-9a-f]+)\r?$/gm)].map((match) => match[1]!);

async function inheritable(scene: Scene): Promise<Outcome> {
  const id = await scene.startHostile(scene.bundle(hardenedSpec(SLEEP)));
  const pid = (await scene.runtime.state(id))?.pid;
  const joined = await scene.runtime.exec(id, ['cat', '/proc/self/status']);
  const seen = [...sets(readFileSync(`/proc/${pid}/status`, 'utf8')), ...sets(joined.stdout)];
  const evidence = `${seen.join(' ')} ${joined.stderr}`;
  return { succeeded: seen.length !== 4 || seen.some((set) => BigInt(`0x${set}`) !== 0n), evidence };
}

testAttack({
  name: 'CVE-2022-24769, 29162, 27649, 27650: inheritable and ambient capabilities, run and exec',
  attempt: inheritable,
  weakenings: ['inheritable'],
});

async function overflow(scene: Scene): Promise<Outcome> {
  const ran: string[] = [];
  for (const uid of [2 ** 32, 2 ** 32 - 1, -1]) {
    const spec = hardenedSpec(['cat', '/proc/self/status']);
    spec.process!.user.uid = uid;
    const { stdout } = await scene.runtime.runToEnd(scene.bundle(spec));
    if (/^Uid:\s+0\s/m.test(stdout)) ran.push(`${uid} ran as root`);
  }
  return { succeeded: ran.length > 0, evidence: ran.join() };
}

testAttack({
  name: 'CVE-2024-40635, 2022-36109: a user id beyond 32 bits is that of root',
  attempt: overflow,
  weakenings: ['overflow'],
  notOn: { crun: 'crun 1.8.1 cuts what is beyond 32 bits' },
});

/** The runtime is started with a directory of the host on descriptor 3, as a careless caller or a leak of its own would. */
async function directoryByDescriptor(scene: Scene): Promise<Outcome> {
  const secret = openSync(scene.canary.folder, 'r');
  const seen: string[] = [];
  try {
    for (const cwd of ['/proc/self/fd/3', '/proc/self/fd/3/../canary', '/proc/self/fd/5', '/proc/self/fd/7']) {
      const spec = hardenedSpec(['cat', 'secret']);
      spec.process!.cwd = cwd;
      const bundle = scene.bundle(spec);
      const id = `${scene.runtime.folder.slice(-6)}-${seen.length}`;
      const created = await scene.runtime.create(id, bundle, [], [secret]);
      if (created.code === 0 && (await scene.runtime.start(id)).code === 0) await scene.runtime.reach(id, 'stopped');
      const output = readFileSync(`${bundle.folder}/stdout`, 'utf8');
      seen.push(`${cwd}: ${output} ${created.stderr}`);
      await scene.runtime.delete(id, true);
      if (output.includes('canary secret')) return { succeeded: true, evidence: seen.join('\n') };
    }
  } finally {
    closeSync(secret);
  }
  return { succeeded: false, evidence: seen.join('\n') };
}

testAttack({
  name: 'CVE-2024-21626: the working directory is a directory of the host that the runtime has open',
  attempt: directoryByDescriptor,
  weakenings: ['directory'],
  notOn: { crun: 'crun 1.8.1 does not look where chdir led; mended in 1.14.3' },
});

async function descriptors(scene: Scene): Promise<Outcome> {
  const secret = openSync(`${scene.canary.folder}/secret`, 'r');
  const bundle = scene.bundle(hardenedSpec(['sh', '-c', 'ls -l /proc/self/fd/; cat /proc/self/fd/3']));
  const id = `${scene.runtime.folder.slice(-6)}-descriptors`;
  try {
    const created = await scene.runtime.create(id, bundle, [], [secret]);
    if (created.code === 0 && (await scene.runtime.start(id)).code === 0) await scene.runtime.reach(id, 'stopped');
    const output = readFileSync(`${bundle.folder}/stdout`, 'utf8');
    return { succeeded: output.includes('canary secret'), evidence: output + created.stderr };
  } finally {
    closeSync(secret);
    await scene.runtime.delete(id, true);
  }
}

testAttack({
  name: 'CVE-2024-21626, 2016-9962: descriptors that the runtime has open reach the program',
  attempt: descriptors,
  weakenings: ['descriptors'],
});
