/** An engine on scripted shims, in folders of its own: what daemons come to that start one after the other on the same registry. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EngineWithLifecycle, createEngine } from '../../../daemon/engine/engine.ts';
import { Places } from '../../../daemon/engine/places.ts';
import { Registry } from '../../../daemon/registry/registry.ts';
import { BARE_HOST } from '../../../daemon/runtime/host-facts.ts';
import type { CreateRequest } from '../../../shared/api/container.ts';
import { nowTimestamp } from '../../../shared/time.ts';
import { until } from '../../harness/until.ts';
import { ScriptedPool, type ScriptedShim } from './scripted-shims.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
const NEVER = new AbortController().signal;

export class ScriptedEngine {
  readonly base = mkdtempSync(join(tmpdir(), 'tare-engine-'));
  readonly places: Places;
  readonly pool = new ScriptedPool();
  complaints: string[] = [];
  registry!: Registry;
  engine!: EngineWithLifecycle;

  constructor() {
    for (const name of ['root', 'root/containers', 'run', 'rootfs']) mkdirSync(join(this.base, name));
    const { base } = this;
    this.places = new Places({ root: join(base, 'root'), run: join(base, 'run'), socket: join(base, 'run/tare.sock') });
  }

  /** A daemon on what there is, in that boot of the host; all that the last one left is settled. */
  async boot(bootId = 'this-boot'): Promise<void> {
    this.registry = Registry.open({ root: this.places.root, migrations: MIGRATIONS });
    const complain = (_fields: object, message: string): void => {
      this.complaints.push(message);
    };
    this.engine = createEngine({
      registry: this.registry,
      shims: this.pool,
      places: this.places,
      cgroups: { mode: 'none', v1: [] },
      specHost: { nofileHard: 1024, thermalThrottle: [] },
      hostFacts: BARE_HOST,
      bootId,
      version: '0.0.0',
      log: { info: () => undefined, warn: complain, error: complain },
      network: { defaultNetwork: 'none', publishAddress: undefined, addressPools: [], bridgePorts: 1000 },
    });
    this.engine.open();
    await this.engine.reconcile();
  }

  async end(): Promise<void> {
    await this.engine.close();
    this.registry.close();
  }

  async close(): Promise<void> {
    await this.end();
    rmSync(this.base, { recursive: true, force: true });
  }

  /** No control groups here: what needs them is left out. */
  async create(given: Partial<CreateRequest> = {}): Promise<string> {
    const oci = { mounts: [], linux: { resources: null } };
    const rootfs = join(this.base, 'rootfs');
    return (await this.engine.create({ rootfs, rootfsMode: 'rw', command: ['true'], oci, ...given })).id;
  }

  /** The last one that was opened for it. */
  shimOf(id: string): ScriptedShim {
    const shim = this.pool.opened.findLast((opened) => opened.id === id);
    assert.ok(shim !== undefined);
    return shim;
  }

  /** How often it was started so far. */
  starts(id: string): number {
    return this.pool.opened.filter((opened) => opened.id === id).length;
  }

  runs(id: string): Promise<boolean> {
    return until(`${id.slice(0, 12)} runs`, () => this.engine.inspect(id).status === 'running');
  }

  async actions(): Promise<string[]> {
    const told: string[] = [];
    for await (const event of this.engine.events({ since: '0', until: nowTimestamp() }, NEVER)) told.push(event.action);
    return told;
  }
}
