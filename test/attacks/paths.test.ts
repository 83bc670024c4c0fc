/** Attacks by what an image has at the paths that a runtime mounts, makes or writes at. */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { newId, type Bundle } from '../harness/oci.ts';
import { until } from '../harness/until.ts';
import { testAttack, type Outcome, type Scene } from './attack.ts';
import { hardenedSpec } from './spec.ts';

/** The image has a link there. */
function link(bundle: Bundle, path: string, to: string): void {
  rmSync(bundle.inside(path), { recursive: true, force: true });
  symlinkSync(to, bundle.inside(path));
}

/** Succeeded is what changed anything on the host. */
function harm(scene: Scene): Outcome {
  const changes = scene.harmed();
  return { succeeded: changes.length > 0, evidence: changes.join() };
}

async function linkedProc(scene: Scene): Promise<Outcome> {
  for (const to of ['/elsewhere', 'elsewhere', '../../../..' + scene.canary.folder, '/proc/1/root']) {
    const bundle = scene.bundle(hardenedSpec(['ls', '/elsewhere']));
    mkdirSync(bundle.inside('elsewhere'));
    link(bundle, 'proc', to);
    const { stdout } = await scene.runtime.runToEnd(bundle);
    if (stdout.includes('cpuinfo')) return { succeeded: true, evidence: `mounted at ${to}` };
  }
  return harm(scene);
}

testAttack({
  name: 'CVE-2019-16884, 2023-27561, 28642: the image’s /proc is a link',
  attempt: linkedProc,
  weakenings: ['followed_proc'],
});

async function volumeAtProc(scene: Scene): Promise<Outcome> {
  for (const destination of ['/proc', '//proc/', '/proc/self', '/link']) {
    const spec = hardenedSpec(['cat', join(destination, 'secret')]);
    spec.mounts.push({ destination, type: 'bind', source: scene.canary.folder, options: ['rbind', 'ro'] });
    const bundle = scene.bundle(spec);
    symlinkSync('/proc', bundle.inside('link'));
    const { stdout } = await scene.runtime.runToEnd(bundle);
    if (stdout.includes('canary')) return { succeeded: true, evidence: destination };
  }
  return harm(scene);
}

testAttack({
  name: 'CVE-2019-16884, 19921: a volume covers /proc',
  attempt: volumeAtProc,
  weakenings: ['volume_at_proc'],
  notOn: { crun: 'crun 1.8.1 lets a volume cover /proc' },
});

async function linkedDev(scene: Scene): Promise<Outcome> {
  const { folder } = scene.canary;
  for (const to of [folder, '../../../../../../../..' + folder, '/proc/1/root/dev']) {
    for (const covered of [true, false]) {
      const spec = hardenedSpec(['true']);
      if (!covered) spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
      spec.linux.devices = [{ path: '/dev/secret', type: 'c', major: 1, minor: 3 }];
      const bundle = scene.bundle(spec);
      link(bundle, 'dev', to);
      await scene.runtime.runToEnd(bundle);
      if (scene.harmed().length > 0) return harm(scene);
    }
  }
  return harm(scene);
}

testAttack({
  name: 'CVE-2026-41579, 47766: the image’s /dev is a link to the host',
  attempt: linkedDev,
  weakenings: ['naive_paths'],
  notOn: {
    crun: 'crun 1.8.1 makes devices and links where the link leads',
    runc: 'runc 1.1.5 makes links where the link leads',
  },
});

/**
 * Somebody who takes the terminal of a container and keeps it: what is not read stays open in the socket. A terminal
 * that is let go of has no file any more, on which nothing can be mounted.
 */
async function withConsoleSocket<T>(path: string, use: () => Promise<T>): Promise<T> {
  const takers: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (taker) => takers.push(taker));
  server.listen(path);
  await once(server, 'listening');
  try {
    return await use();
  } finally {
    for (const taker of takers) taker.destroy();
    server.close();
  }
}

async function linkedConsole(scene: Scene): Promise<Outcome> {
  const secret = join(scene.canary.folder, 'secret');
  for (const to of [secret, '../../../../../../..' + secret, '/proc/sys/kernel/core_pattern']) {
    for (const path of ['', 'dev/console', 'dev/pts', 'dev/ptmx']) {
      const spec = hardenedSpec(['sh', '-c', 'echo pwned > /dev/console; echo pwned > /dev/pts/0']);
      spec.process!.terminal = true;
      spec.mounts = spec.mounts.filter(({ destination }) => destination !== '/dev');
      const bundle = scene.bundle(spec);
      if (path !== '') link(bundle, path, to);
      const console = join(bundle.folder, 'console');
      await withConsoleSocket(console, async () => {
        const id = newId();
        const created = await scene.runtime.create(id, bundle, ['--console-socket', console]);
        if (created.code === 0) await scene.runtime.start(id);
        await until('it ended', async () => ((await scene.runtime.state(id))?.status ?? 'stopped') === 'stopped');
        await scene.runtime.delete(id, true);
      });
      if (scene.harmed().length > 0) return harm(scene);
    }
  }
  return harm(scene);
}

testAttack({
  name: 'CVE-2025-52565; 2026-88264, 88265: console and terminals are links to files of the host',
  attempt: linkedConsole,
  weakenings: ['foreign_console'],
});

async function linkedEverything(scene: Scene): Promise<Outcome> {
  for (const destination of ['/etc/made', '/tmp/a/b', '/var', '/home/../etc/x']) {
    for (const mount of [
      { type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] },
      { type: 'bind', source: '/etc/hostname', options: ['bind', 'ro'] },
    ]) {
      const spec = hardenedSpec(['true']);
      spec.mounts.push({ destination, ...mount });
      const bundle = scene.bundle(spec);
      for (const name of ['etc', 'tmp', 'var', 'home']) link(bundle, name, '../../../../../..' + scene.canary.folder);
      await scene.runtime.runToEnd(bundle);
      if (scene.harmed().length > 0) return harm(scene);
    }
  }
  return harm(scene);
}

testAttack({
  name: 'CVE-2021-30465: an image whose every directory is a link into the host',
  attempt: linkedEverything,
  weakenings: ['naive_paths'],
});
