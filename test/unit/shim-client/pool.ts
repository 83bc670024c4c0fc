/** A pool of real shims in a directory of its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { encodePlan } from '../../../daemon/runtime/plan/encode.ts';
import type { ShimDeath } from '../../../daemon/shim/reaper.ts';
import { openShimPool, type ShimPoolOptions, type Shims } from '../../../daemon/shim/shims.ts';
import type {
  AttachSink,
  AttachmentOptions,
  ProcessExit,
  Shim,
  ShimAttachment,
  StartRequest,
} from '../../../daemon/shim/types.ts';
import { buildShim } from '../../../scripts/build-shim.ts';
import { until } from '../../harness/until.ts';

export const PROGRAM = process.env.TARE_SHIM ?? buildShim();

export interface TestPool {
  readonly run: string;
  readonly shims: Shims;
  readonly deaths: ShimDeath[];
}

export function testPool(t: TestContext, options: Pick<ShimPoolOptions, 'groups'> = {}): TestPool {
  const run = mkdtempSync(join(tmpdir(), 'tare-pool-'));
  const deaths: ShimDeath[] = [];
  const shims = openShimPool({
    run,
    program: PROGRAM,
    ...options,
    died: (death) => deaths.push(death),
    spareFailed: (error) => {
      assert.fail(error as Error);
    },
  });
  t.after(async () => {
    await shims.close();
    rmSync(run, { recursive: true, force: true });
  });
  return { run, shims, deaths };
}

/** The simplest plan: the host's namespaces, a shell's script. */
export function shell(script: string): Buffer {
  return encodePlan([
    { op: 'clone', flags: 0 },
    { op: 'environment', variables: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C'] },
    { op: 'exec', file: '', argv: ['/bin/sh', '-c', script] },
  ]);
}

export function request(script: string, more: Partial<StartRequest> = {}): StartRequest {
  return { process: '', stdio: 'pipes', stdinOpen: false, plan: shell(script), ...more };
}

export const EVERYTHING: AttachmentOptions = {
  stdin: true,
  stdout: true,
  stderr: true,
  closeStdin: true,
  cutWhenSlow: false,
};

/** The ends that a shim tells, from now on. */
export class Ends {
  readonly seen: ProcessExit[] = [];
  constructor(shim: Shim) {
    shim.onExited((exit) => this.seen.push(exit));
  }
  of(process: string): Promise<ProcessExit> {
    return until(`the end of "${process}"`, () => this.seen.find((exit) => exit.process === process));
  }
}

/** Takes all and keeps it. */
export class Sink implements AttachSink {
  readonly chunks: { stream: 'stdout' | 'stderr'; bytes: Buffer }[] = [];
  finish: Parameters<AttachSink['end']>[0] | undefined;

  output(stream: 'stdout' | 'stderr', bytes: Buffer): boolean {
    this.chunks.push({ stream, bytes });
    return true;
  }
  end(end: Parameters<AttachSink['end']>[0]): void {
    assert.equal(this.finish, undefined, 'the end came twice');
    this.finish = end;
  }
  text(stream?: 'stdout' | 'stderr'): string {
    return Buffer.concat(
      this.chunks.filter((chunk) => stream === undefined || chunk.stream === stream).map(({ bytes }) => bytes),
    ).toString();
  }
  ended(): Promise<Parameters<AttachSink['end']>[0]> {
    return until('the end of the attachment', () => this.finish);
  }
}

export async function attached(shim: Shim, process = '', options = EVERYTHING): Promise<[ShimAttachment, Sink]> {
  const attachment = await shim.attach(process, options);
  const sink = new Sink();
  attachment.begin(sink);
  return [attachment, sink];
}
