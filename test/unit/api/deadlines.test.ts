/** How long the body of a request may take, with a clock of the test's own. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { limitBody } from '../../../daemon/api/deadline.ts';
import { Upload } from '../../../daemon/api/upload.ts';

function incoming(headers: Record<string, string>, complete = false): IncomingMessage & EventEmitter {
  return Object.assign(new EventEmitter(), { headers, complete }) as unknown as IncomingMessage;
}

test('a body of JSON has a minute', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const refused: string[] = [];
  const watch = (name: string, request: IncomingMessage): IncomingMessage => {
    limitBody(request, () => refused.push(name));
    return request;
  };
  watch('slow', incoming({ 'content-length': '5' }));
  watch('slow chunks', incoming({ 'transfer-encoding': 'chunked' }));
  watch('there', incoming({ 'content-length': '5' }, true));
  watch('none', incoming({}));
  watch('empty', incoming({ 'content-length': '0' }));
  watch('read', incoming({ 'content-length': '5' })).emit('end');
  watch('gone', incoming({ 'content-length': '5' })).emit('close');
  t.mock.timers.tick(59_999);
  assert.deepEqual(refused, []);
  t.mock.timers.tick(1);
  assert.deepEqual(refused, ['slow', 'slow chunks']);
});

test('an upload may take as long as it likes, and be silent for a minute', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const source = new PassThrough();
  const upload = new Upload(source as unknown as IncomingMessage);
  const failed = once(upload, 'error') as Promise<[Error & { code?: string }]>;
  upload.resume();
  for (let minutes = 0; minutes < 5; minutes++) {
    t.mock.timers.tick(59_999);
    const read = once(upload, 'data');
    source.write('piece');
    await read;
  }
  t.mock.timers.tick(60_000);
  const [error] = await failed;
  assert.equal(error.code, 'request_timeout');
});

test('a reader that waits is not a client that is silent', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const source = new PassThrough();
  const upload = new Upload(source as unknown as IncomingMessage);
  const filled = once(upload, 'readable');
  source.write(Buffer.alloc(upload.readableHighWaterMark));
  await filled;
  t.mock.timers.tick(600_000);
  assert.equal(upload.destroyed, false);
  source.end();
  let length = 0;
  for await (const piece of upload) length += (piece as Buffer).length;
  assert.equal(length, upload.readableHighWaterMark);
});
