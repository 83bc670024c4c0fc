/**
 * An attack and who it is tried on: tare-oci must withstand it, and so must the peers but for those whose version in
 * Debian has not the fix; against tare-oci weakened it must succeed, or the test would prove nothing.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Canary } from '../harness/attacks.ts';
import { newId, OciRuntime, type Bundle } from '../harness/oci.ts';
import type { Spec } from '../conformance/config.ts';
import type { WeakeningName } from './weakenings.ts';

export interface Outcome {
  readonly succeeded: boolean;
  /** What was seen, for whoever reads a failure. */
  readonly evidence: string;
}

type Peer = 'crun' | 'runc';

export interface Attack {
  /** The row of SECURITY.md. */
  readonly name: string;
  readonly attempt: (scene: Scene) => Promise<Outcome>;
  /** Each alone makes it succeed. */
  readonly weakenings: readonly [WeakeningName, ...WeakeningName[]];
  /** Why it is not tried on a peer: what it did when it was. The version that Debian 12 has is open to it. */
  readonly notOn?: Partial<Record<Peer, string>>;
}

/** crun 1.8 knows pure hierarchies only: on a host that has both it is shown v1 (see PEERS of the bench). */
const CRUN_ON_V1 = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"';
const PEERS: Record<Peer, readonly string[]> = {
  crun: ['unshare', '-m', 'sh', '-c', CRUN_ON_V1, 'crun'],
  runc: ['runc'],
};
const PROGRAMS: Record<Peer, string> = { crun: '/usr/bin/crun', runc: '/usr/sbin/runc' };

export const WEAKENED = join(import.meta.dirname, 'weakened.ts');

/** One runtime with a canary, containers, and an end to it all. */
export class Scene {
  readonly runtime: OciRuntime;
  readonly canary: Canary;
  /** Of the weakening in force, '' where there is none. */
  readonly weakening: WeakeningName | '';
  readonly command: readonly string[];

  constructor(command: readonly string[], weakening: WeakeningName | '' = '') {
    this.command = command;
    this.runtime = new OciRuntime(command);
    this.canary = Canary.make(join(this.runtime.folder, 'canary'));
    this.weakening = weakening;
  }

  bundle(spec: Spec): Bundle {
    return this.runtime.bundle(spec, spec.root.path);
  }

  /** Creates and starts one that stays. Throws where the runtime refuses. */
  async startHostile(bundle: Bundle): Promise<string> {
    const id = newId();
    const created = await this.runtime.create(id, bundle);
    assert.equal(created.code, 0, created.stderr);
    const started = await this.runtime.start(id);
    assert.equal(started.code, 0, started.stderr);
    return id;
  }

  /** Whether anything of the host's is not as it was. */
  harmed(): string[] {
    return this.canary.changes();
  }
}

async function tryOn(attack: Attack, command: readonly string[], weakening: WeakeningName | '' = ''): Promise<Outcome> {
  const scene = new Scene(command, weakening);
  try {
    return await attack.attempt(scene);
  } finally {
    await scene.runtime.close();
  }
}

export function testAttack(attack: Attack): void {
  describe(attack.name, () => {
    test('tare-oci withstands it', async () => {
      const { succeeded, evidence } = await tryOn(attack, [join(import.meta.dirname, '../../bin/tare-oci')]);
      assert.ok(!succeeded, evidence);
    });
    for (const [peer, command] of Object.entries(PEERS) as [Peer, readonly string[]][]) {
      if (attack.notOn?.[peer] !== undefined) continue;
      test(`so does ${peer}`, async () => {
        assert.ok(existsSync(PROGRAMS[peer]), `${peer} is missing: install Debian's ${peer}`);
        const { succeeded, evidence } = await tryOn(attack, command);
        assert.ok(!succeeded, evidence);
      });
    }
    for (const weakening of attack.weakenings) {
      test(`it bites: tare-oci weakened (${weakening}) does not`, async () => {
        const { succeeded, evidence } = await tryOn(attack, [process.execPath, WEAKENED, weakening], weakening);
        assert.ok(succeeded, evidence);
      });
    }
  });
}
