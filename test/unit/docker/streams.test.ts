/** Frames, input with its keys, files' modes, parameters of logs, lists of changes: what needs no daemon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../../shared/api/files.ts';
import type { Attachment } from '../../../daemon/api/engine.ts';
import { dockerChanges } from '../../../daemon/docker/containers/changes.ts';
import { logQueryOf } from '../../../daemon/docker/containers/logs.ts';
import { sizeOf } from '../../../daemon/docker/execs/resize.ts';
import { goFileMode } from '../../../daemon/docker/file-mode.ts';
import { DockerQuery } from '../../../daemon/docker/query.ts';
import { detachKeysOf } from '../../../daemon/docker/streams/detach.ts';
import { contentTypeOf, frame } from '../../../daemon/docker/streams/frames.ts';
import { Input } from '../../../daemon/docker/streams/input.ts';
import { pieceOf } from '../../../daemon/docker/streams/tell-log.ts';

test('a frame is a header of eight bytes and the text', () => {
  assert.deepEqual([...frame('stderr', 'ü')], [2, 0, 0, 0, 0, 0, 0, 2, 0xc3, 0xbc]);
  assert.deepEqual([...frame('stdout', '\u00ff', 'latin1')], [1, 0, 0, 0, 0, 0, 0, 1, 0xff]);
  assert.equal(contentTypeOf(false, 51), 'application/vnd.docker.multiplexed-stream');
  assert.equal(contentTypeOf(false, 41), 'application/vnd.docker.raw-stream');
  assert.equal(contentTypeOf(true, 51), 'application/vnd.docker.raw-stream');
});

test('a line of a log: with its time, its details, its newline where it had one', () => {
  const entry = { at: '2026-01-02T03:04:05.000000001Z', stream: 'stdout', text: 'line', partial: false } as const;
  assert.equal(pieceOf(entry, { framed: false }).toString(), 'line\n');
  assert.equal(
    pieceOf({ ...entry, partial: true }, { framed: false, timestamps: true, details: true }).toString(),
    '2026-01-02T03:04:05.000000001Z  line',
  );
  assert.equal(pieceOf(entry, { framed: true }).readUInt32BE(4), 5);
});

/** An attachment that remembers what it was given. */
function recorder() {
  const told: string[] = [];
  const attachment = {
    write: (bytes: Buffer) => told.push(bytes.toString()) > 0,
    endStdin: () => told.push('<end>'),
  } as unknown as Attachment;
  return { told, attachment };
}

test('keys that let go end the session, and only they', () => {
  const { told, attachment } = recorder();
  const keys = detachKeysOf(undefined, 'detach');
  assert.deepEqual(keys, [16, 17]);
  const input = new Input(
    attachment,
    { stdin: true, endsStdin: false, detach: { keys, told: () => told.push('<detached>') } },
    () => told.push('<over>'),
  );
  input.take(Buffer.from('a\x10'));
  input.take(Buffer.from('b\x10\x11c'));
  input.take(Buffer.from('late'));
  input.end();
  assert.deepEqual(told, ['a', '\x10b', '<detached>', '<over>']);
  assert.throws(() => detachKeysOf('ctrl-1', 'detach'), /^DockerError: Invalid detach keys \(ctrl-1\) provided$/);
});

test('the end of the input is the process’s, or the session’s, and withheld keys come before it', () => {
  const ends = recorder();
  const detach = { keys: [16, 17], told: () => undefined };
  const over = (): void => void ends.told.push('<over>');
  const input = new Input(ends.attachment, { stdin: true, endsStdin: true, detach }, over);
  input.take(Buffer.from('\x10'));
  input.end();
  assert.deepEqual(ends.told, ['\x10', '<end>']);
  const dropped = recorder();
  const deaf = new Input(dropped.attachment, { stdin: false, endsStdin: false }, () => dropped.told.push('<over>'));
  deaf.take(Buffer.from('x'));
  deaf.end();
  assert.deepEqual(dropped.told, []);
});

test('whatever is typed in whatever pieces, all but the keys that let go comes through', () => {
  const typed = fc.array(fc.constantFrom('a', 'b', '\x10', '\x11'), { maxLength: 12 });
  fc.assert(
    fc.property(typed, fc.array(fc.integer({ min: 1, max: 4 })), (characters, cuts) => {
      const { told, attachment } = recorder();
      let isOver = false;
      const detach = { keys: [16, 17], told: () => undefined };
      const input = new Input(attachment, { stdin: true, endsStdin: false, detach }, () => (isOver = true));
      const text = characters.join('');
      for (let at = 0, turn = 0; at < text.length; turn++) {
        const size = cuts[turn % Math.max(cuts.length, 1)] ?? 1;
        input.take(Buffer.from(text.slice(at, at + size)));
        at += size;
      }
      input.end();
      const end = text.indexOf('\x10\x11');
      assert.equal(told.join(''), end === -1 ? text : text.slice(0, end));
      assert.ok(isOver);
    }),
  );
});

test('modes of files as Go counts them', () => {
  const mode = 0o755;
  assert.equal(goFileMode({ kind: 'directory', mode: 0o1777 }), 2_148_532_735);
  assert.equal(goFileMode({ kind: 'link', mode: 0o777 }), 134_218_239);
  assert.equal(goFileMode({ kind: 'fifo', mode: 0o644 }), 33_554_852);
  assert.equal(goFileMode({ kind: 'file', mode: 0o6755 }), 12_583_405);
  assert.equal(goFileMode({ kind: 'device', device: 'character', mode: 0o666 }), 69_206_454);
  assert.equal(goFileMode({ kind: 'device', device: 'block', mode }), 2 ** 26 + mode);
  assert.equal(goFileMode({ kind: 'socket', mode }), 2 ** 24 + mode);
});

test('parameters of logs', () => {
  const of = (query: Record<string, string>) => logQueryOf(new DockerQuery(query));
  assert.deepEqual(of({ stdout: '1' }), { stdout: true, stderr: false, follow: false, tail: 'all' });
  const all = of({ stderr: 'true', follow: '1', tail: '007', since: '1.5', until: '0' });
  assert.deepEqual(all, { stdout: false, stderr: true, follow: true, tail: '7', since: '1.500000000' });
  for (const tail of ['-1', 'x', '', 'all']) assert.equal(of({ stdout: '1', tail }).tail, 'all');
  assert.equal(of({ stdout: '1', tail: '9'.repeat(30) }).tail, '999999999');
  assert.throws(() => of({ stdout: '0' }), /you must choose at least one stream/);
  assert.throws(() => of({ stdout: '1', since: 'x' }), /strconv\.ParseInt: parsing "x": invalid syntax/);
  assert.deepEqual(sizeOf(new DockerQuery({ h: '0', w: '99999' })), { rows: 1, columns: 65_535 });
  assert.throws(() => sizeOf(new DockerQuery({ h: 'x', w: '1' })), /strconv\.Atoi: parsing "x": invalid syntax/);
});

test('a list of changes, however it is cut, and whatever files are called', async () => {
  const path = fc.oneof(fc.string(), fc.constantFrom('"},{"path":"', '\\"},{"path":"', 'a},{', '"', '\\', 'ü'));
  const change = fc.record({
    path: path.map((name) => `/${name}`),
    kind: fc.constantFrom<Change['kind'][]>('modified', 'added', 'deleted'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 5 }), fc.integer({ min: 1, max: 40 }), async (list, size) => {
      const bytes = Buffer.from(JSON.stringify(list));
      async function* pieces(): AsyncGenerator<Uint8Array> {
        await Promise.resolve();
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      let text = '';
      for await (const piece of dockerChanges(pieces())) text += piece;
      const kinds = { modified: 0, added: 1, deleted: 2 } as const;
      const expected = list.map((one) => ({ Path: one.path, Kind: kinds[one.kind] }));
      assert.deepEqual(JSON.parse(text), list.length === 0 ? null : expected);
    }),
  );
});
