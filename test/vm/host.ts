/** What the tests of the virtual machine share: a daemon whose leftovers count, and the groups of its containers. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { TestDaemon } from '../harness/daemon.ts';
import { OciRuntime } from '../harness/oci.ts';
import { Stream } from '../harness/stream.ts';
import { findLeaks, recordMachine, type Machine } from '../harness/leaks.ts';

export const MOUNT = '/sys/fs/cgroup';
export const MEBIBYTE = 1 << 20;
/** Without the machine's setting for programs that run long: what was compiled when tare was built would be of no use then. */
const TARE_OCI = ['env', '-u', 'NODE_OPTIONS', join(import.meta.dirname, '../../bin/tare-oci')];

export interface Detail {
  readonly id: string;
  readonly status: string;
  readonly pid?: number;
  readonly cgroup: string;
  readonly exit?: { readonly unknown: boolean; readonly code?: number; readonly oomKilled: boolean };
}

/** A daemon, and tare-oci beside it, for the tests of one process. After them nothing of it may be left on the machine. */
class Host {
  private opened: TestDaemon | undefined;
  private runtime: OciRuntime | undefined;

  constructor() {
    let machine: Machine;
    before(async () => {
      machine = await recordMachine();
      this.opened = await TestDaemon.open();
      this.runtime = new OciRuntime(TARE_OCI);
    });
    after(async () => {
      await this.oci.close();
      await this.daemon.close();
      assert.deepEqual(await findLeaks(machine), []);
    });
  }

  /** tare-oci, with a state directory of its own. */
  get oci(): OciRuntime {
    if (this.runtime === undefined) throw new Error('the runtime is not there yet');
    return this.runtime;
  }

  get daemon(): TestDaemon {
    if (this.opened === undefined) throw new Error('the daemon is not there yet');
    return this.opened;
  }

  inspect(id: string): Promise<Detail> {
    return this.daemon.client.must<Detail>('GET', `/v1/containers/${id}`);
  }

  /** Creates and starts; `resources` is linux.resources. */
  async start(
    command: readonly string[],
    resources: Record<string, unknown> = {},
    request: Record<string, unknown> = {},
  ): Promise<Container> {
    const id = await this.daemon.create(command, { ...request, oci: { linux: { resources } } });
    await this.daemon.client.must('POST', `/v1/containers/${id}/start`);
    const { cgroup } = await this.inspect(id);
    return new Container(this, id, cgroup);
  }

  /** The answer to a start that should not come about; the container is removed. */
  async refused(
    resources: Record<string, unknown>,
  ): Promise<{ status: number; field: string | undefined; detail: string }> {
    const { client, rootfs } = this.daemon;
    const body = { rootfs, command: ['true'], oci: { linux: { resources } } };
    const answer = await client.send<{ id?: string; field?: string; detail: string }>('POST', '/v1/containers', body);
    if (answer.body.id !== undefined) await client.must('DELETE', `/v1/containers/${answer.body.id}`);
    return { status: answer.status, field: answer.body.field, detail: answer.body.detail };
  }
}

export class Container {
  readonly id: string;
  /** "/tare-…/<id>". */
  readonly path: string;
  /** Its group's directory. */
  readonly group: string;
  private readonly host: Host;

  constructor(host: Host, id: string, path: string) {
    this.host = host;
    this.id = id;
    this.path = path;
    this.group = join(MOUNT, path);
  }

  /** A file of its group, without the last newline. */
  read(file: string): string {
    return readFileSync(join(this.group, file), 'utf8').trimEnd();
  }

  /** The files of its group that are named, with what stands in them. */
  files(...names: readonly string[]): Record<string, string> {
    return Object.fromEntries(names.map((name) => [name, this.read(name)]));
  }

  hasFile(name: string): boolean {
    return readdirSync(this.group).includes(name);
  }

  pid(): Promise<number> {
    return this.host.daemon.hostPid(this.id);
  }

  /** Over the API: under emulation the CLI takes a second to begin. */
  async exec(...command: readonly string[]): Promise<{ code: number | undefined; stdout: string; stderr: string }> {
    const { client, socket } = this.host.daemon;
    const { id } = await client.must<{ id: string }>('POST', `/v1/containers/${this.id}/execs`, { command });
    const stream = await Stream.open(socket, `/v1/execs/${id}/start`);
    const code = await stream.end();
    return { code, stdout: stream.stdout, stderr: stream.stderr };
  }

  post(verb: string, body?: unknown): Promise<unknown> {
    return this.host.daemon.client.must('POST', `/v1/containers/${this.id}/${verb}`, body);
  }

  async remove(): Promise<void> {
    await this.host.daemon.client.must('DELETE', `/v1/containers/${this.id}?force=true`);
  }
}

/** Numbers "major:minor" of a block device. */
export function deviceNumbers(name: string): { key: string; major: number; minor: number } {
  const key = readFileSync(`/sys/block/${name}/dev`, 'utf8').trim();
  const [major = NaN, minor = NaN] = key.split(':').map(Number);
  return { key, major, minor };
}

/** One for all files that are bundled together: to begin a daemon takes seconds under emulation. */
export const host = new Host();
