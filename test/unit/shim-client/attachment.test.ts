import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AttachSink } from '../../../daemon/shim/types.ts';
import { until } from '../../harness/until.ts';
import { EVERYTHING, Ends, Sink, attached, request, testPool } from './pool.ts';

void describe('the streams of a process', () => {
  void test('attached before the start: not a byte is missing, and the end comes last', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('aa');
    const [, sink] = await attached(shim);
    await shim.start(request('echo out; echo err >&2; exit 4'));
    const end = await sink.ended();
    assert.equal(end.reason, 'exited');
    assert.equal(end.exit?.code, 4);
    assert.equal(sink.text('stdout'), 'out\n');
    assert.equal(sink.text('stderr'), 'err\n');
    await shim.forget('');
    await shims.discard('aa');
  });

  void test('what comes before begin is held', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('bb');
    const ends = new Ends(shim);
    const attachment = await shim.attach('', EVERYTHING);
    await shim.start(request('seq 1 20000'));
    await ends.of('');
    const sink = new Sink();
    attachment.begin(sink);
    await sink.ended();
    assert.equal(sink.text(), Array.from({ length: 20_000 }, (_, index) => `${String(index + 1)}\n`).join(''));
    await shim.forget('');
    await shims.discard('bb');
  });

  void test('stdin goes in and comes back, also in large pieces, and its end is told', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('cc');
    const [attachment, sink] = await attached(shim);
    await shim.start(request('cat', { stdinOpen: true }));
    const sent = Buffer.alloc(1_500_000, 'abcdefghijklmnopqrstuvwxyz0123456789\n');
    let at = 0;
    const more = (): void => {
      while (at < sent.length) {
        const piece = sent.subarray(at, at + 200_000);
        at += piece.length;
        if (!attachment.write(piece)) return;
      }
      attachment.endStdin();
      at = Infinity;
    };
    attachment.onDrain(() => {
      if (at !== Infinity) more();
    });
    more();
    const end = await sink.ended();
    assert.equal(end.reason, 'exited');
    assert.ok(Buffer.from(sink.text()).equals(sent));
    await shim.forget('');
    await shims.discard('cc');
  });

  void test('a sink that wants no more is given no more, and loses nothing', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('dd');
    const attachment = await shim.attach('', { ...EVERYTHING, stdin: false });
    const received: Buffer[] = [];
    let paused = false;
    let ended = false;
    const sink: AttachSink = {
      output: (_stream, bytes) => {
        assert.ok(!paused, 'output while it is not wanted');
        received.push(bytes);
        paused = received.length % 3 === 0;
        if (paused) {
          setImmediate(() => {
            paused = false;
            attachment.resume();
          });
        }
        return !paused;
      },
      end: () => {
        ended = true;
      },
    };
    attachment.begin(sink);
    const size = 16 * 1024 * 1024;
    await shim.start(request(`head -c ${String(size)} /dev/zero | tr '\\0' x`));
    await until('the end', () => ended);
    const all = Buffer.concat(received);
    assert.equal(all.length, size);
    assert.ok(all.equals(Buffer.alloc(size, 'x')));
    await shim.forget('');
    await shims.discard('dd');
  });

  void test('output is whole although stdin is written to a process that ends', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('ee');
    const attachment = await shim.attach('', EVERYTHING);
    await shim.start(request('head -c 10 >/dev/null; seq 1 30000; exec <&-; exit 2', { stdinOpen: true }));
    const piece = Buffer.alloc(60_000, 'y');
    for (let count = 0; count < 20; count += 1) attachment.write(piece);
    const sink = new Sink();
    attachment.begin(sink);
    for (let count = 0; count < 20; count += 1) attachment.write(piece);
    const end = await sink.ended();
    assert.equal(end.exit?.code, 2);
    assert.equal(sink.text(), Array.from({ length: 30_000 }, (_, index) => `${String(index + 1)}\n`).join(''));
    await shim.forget('');
    await shims.discard('ee');
  });

  void test('two clients see the same; one that goes away disturbs nobody', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('ff');
    const [first, firstSink] = await attached(shim, '', { ...EVERYTHING, closeStdin: false });
    const [second, secondSink] = await attached(shim, '', { ...EVERYTHING, closeStdin: false });
    await shim.start(request('while read line; do echo "got $line"; done', { stdinOpen: true }));
    first.write(Buffer.from('one\n'));
    await until('both have it', () => firstSink.text() === 'got one\n' && secondSink.text() === 'got one\n');
    first.close();
    second.write(Buffer.from('two\n'));
    await until('the second', () => secondSink.text() === 'got one\ngot two\n');
    assert.equal(firstSink.finish, undefined);
    second.endStdin();
    await shim.signal('', 9);
    assert.equal((await secondSink.ended()).exit?.signal, 9);
    await shim.forget('');
    await shims.discard('ff');
  });

  void test('the shim is lost: so the attachment ends, without an exit', async (t) => {
    const { shims } = testPool(t);
    const shim = await shims.open('gg');
    const [, sink] = await attached(shim);
    await shim.shutdown();
    const end = await sink.ended();
    assert.equal(end.reason, 'lost');
    assert.equal(end.exit, undefined);
    await shims.discard('gg');
  });
});
