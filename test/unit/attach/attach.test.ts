import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { AttachEnd, OutputSink } from '../../../daemon/api/engine.ts';
import { PendingAttachments } from '../../../daemon/engine/attach/pending.ts';
import { EndedAttachment } from '../../../daemon/engine/attach/recorded-end.ts';
import { attachRunning } from '../../../daemon/engine/attach/running.ts';
import { until } from '../../harness/until.ts';
import { Ends, request, testPool } from '../shim-client/pool.ts';

class Sink implements OutputSink {
  readonly chunks: Buffer[] = [];
  finish: AttachEnd | undefined;
  output(_stream: 'stdout' | 'stderr', bytes: Buffer): boolean {
    this.chunks.push(bytes);
    return true;
  }
  end(end: AttachEnd): void {
    assert.equal(this.finish, undefined, 'the end came twice');
    this.finish = end;
  }
  text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
  ended(): Promise<AttachEnd> {
    return until('the end', () => this.finish);
  }
}

const BOTH = { stdin: true, stdout: true, stderr: true, logs: false, terminal: false };

void describe('a client that attaches before the start', () => {
  void test('loses nothing of the shortest life, and its stdin was kept', async (t) => {
    const { shims } = testPool(t);
    const pending = new PendingAttachments();
    const attachment = pending.add('aa', BOTH);
    const sink = new Sink();
    attachment.begin(sink);
    assert.ok(attachment.write(Buffer.from('hello\n')));
    assert.ok(!attachment.write(Buffer.alloc(70_000, 'x')));
    attachment.endStdin();
    const shim = await shims.open('aa');
    await pending.attach('aa', shim);
    await shim.start(request('cat; echo bye', { stdinOpen: true }));
    const end = await sink.ended();
    assert.equal(end.reason, 'exited');
    assert.equal(end.exit?.code, 0);
    assert.equal(sink.text(), `hello\n${'x'.repeat(70_000)}bye\n`);
    await shim.forget('');
    await shims.discard('aa');
  });

  void test('its window size is there from the start', async (t) => {
    const { shims } = testPool(t);
    const pending = new PendingAttachments();
    const attachment = pending.add('bb', { ...BOTH, stdin: false });
    await attachment.resize({ rows: 33, columns: 44 });
    const sink = new Sink();
    attachment.begin(sink);
    const shim = await shims.open('bb');
    await pending.attach('bb', shim);
    // without a terminal the size is refused by the shim, which must not fail the start
    assert.equal((await shim.start(request('echo started'))).is, 'started');
    assert.equal((await sink.ended()).exit?.code, 0);
    await shim.forget('');
    await shims.discard('bb');
  });

  void test('is told when nothing comes of it', () => {
    const pending = new PendingAttachments();
    const ends: (AttachEnd | undefined)[] = [];
    for (const [id, act] of [
      [
        'a',
        () => {
          pending.fail('a', 'no such file');
        },
      ],
      [
        'b',
        () => {
          pending.removed('b');
        },
      ],
      [
        'c',
        () => {
          pending.close();
        },
      ],
    ] as const) {
      const sink = new Sink();
      pending.add(id, BOTH).begin(sink);
      const late = pending.add(id, BOTH);
      act();
      const lateSink = new Sink();
      late.begin(lateSink);
      assert.deepEqual(lateSink.finish, sink.finish);
      ends.push(sink.finish);
    }
    assert.deepEqual(
      ends.map((end) => end?.reason),
      ['start_failed', 'removed', 'closing'],
    );
    assert.equal(ends[0]?.message, 'no such file');
  });

  void test('one that has gone is not connected', async (t) => {
    const { shims } = testPool(t);
    const pending = new PendingAttachments();
    const sink = new Sink();
    const attachment = pending.add('cc', BOTH);
    attachment.begin(sink);
    attachment.close();
    const shim = await shims.open('cc');
    await pending.attach('cc', shim);
    pending.close();
    assert.equal(sink.finish, undefined);
    await shim.shutdown();
    await shims.discard('cc');
  });
});

void describe('a client that attaches to what runs', () => {
  void test('with the log first: what was and what is, each byte once', async (t) => {
    const { shims, run } = testPool(t);
    const shim = await shims.open('dd');
    const ends = new Ends(shim);
    const path = join(run, 'log');
    const script =
      'i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; printf "\\377 no newline"; read line; exit 3';
    await shim.start(request(script, { stdinOpen: true, log: { path, maxBytes: 8000, maxFiles: 100 } }));
    const target = { shim, process: '', container: 'dd', stdin: true, stdout: true, stderr: true };
    const attachment = await attachRunning({ ...target, log: path });
    const sink = new Sink();
    attachment.begin(sink);
    const expected = `${Array.from({ length: 3000 }, (_, index) => `${String(index)}\n`).join('')}\xff no newline`;
    await until('all of it', () => sink.text().length >= expected.length);
    attachment.write(Buffer.from('go\n'));
    const end = await sink.ended();
    assert.equal(end.exit?.code, 3);
    assert.equal(sink.text(), expected);
    await ends.of('');
    await shim.forget('');
    await shims.discard('dd');
  });

  void test('resize without a terminal, and of one that has ended', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('ee');
    const ends = new Ends(shim);
    await shim.start(request('exec sleep 1000'));
    const target = { shim, process: '', container: 'ee', stdin: false, stdout: true, stderr: true };
    const attachment = await attachRunning(target);
    const sink = new Sink();
    attachment.begin(sink);
    await assert.rejects(attachment.resize({ rows: 1, columns: 1 }), { code: 'not_a_terminal' });
    await shim.signal('', 15);
    await ends.of('');
    assert.deepEqual((await sink.ended()).exit?.signal, 'SIGTERM');
    await assert.rejects(attachment.resize({ rows: 1, columns: 1 }), { code: 'container_not_running' });
    const late = await attachRunning(target);
    const lateSink = new Sink();
    late.begin(lateSink);
    assert.deepEqual((await lateSink.ended()).exit?.signal, 'SIGTERM');
    await shim.forget('');
    await shims.discard('ee');
    await assert.rejects(attachRunning(target), { code: 'shim_unreachable' });
  });

  void test('the end on record', () => {
    const exit = { unknown: true, oomKilled: false, at: '2026-01-01T00:00:00.000000000Z' };
    const sink = new Sink();
    new EndedAttachment('container web', exit, false).begin(sink);
    assert.deepEqual(sink.finish, { reason: 'exited', exit });
  });
});
