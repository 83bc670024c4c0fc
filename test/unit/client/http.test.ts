import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ResponseParser, type ResponseHead } from '../../../client/http/response-parser.ts';

interface Read {
  readonly head: ResponseHead | undefined;
  readonly body: Buffer;
  readonly ended: boolean;
  readonly rest: Buffer;
  readonly parser: ResponseParser;
}

/** Feeds `bytes` in the pieces that `cuts` make. */
function read(bytes: Buffer, cuts: readonly number[] = []): Read {
  let head: ResponseHead | undefined;
  const body: Buffer[] = [];
  let ended = false;
  const parser = new ResponseParser({
    head: (received) => {
      head = received;
    },
    body: (chunk) => {
      body.push(Buffer.from(chunk));
    },
    end: () => {
      ended = true;
    },
  });
  const rest: Buffer[] = [];
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (const [index, start] of places.slice(0, -1).entries()) {
    const piece = bytes.subarray(start, places[index + 1]);
    if (parser.done) rest.push(piece);
    else rest.push(Buffer.from(parser.feed(piece)));
  }
  return { head, body: Buffer.concat(body), ended, rest: Buffer.concat(rest), parser };
}

function counted(body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${String(body.length)}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function chunked(parts: readonly Buffer[]): Buffer {
  const chunks = parts
    .filter((part) => part.length > 0)
    .flatMap((part) => [Buffer.from(`${part.length.toString(16)};x=y\r\n`), part, Buffer.from('\r\n')]);
  const head = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  return Buffer.concat([head, ...chunks, Buffer.from('0\r\nTrailer: z\r\n\r\n')]);
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const cuts = fc.array(fc.nat(2000), { maxLength: 20 });

describe('the parser of HTTP responses', () => {
  it('reads counted bodies however they are cut, and gives back what follows', () => {
    fc.assert(
      fc.property(bytes, bytes, cuts, (body, after, places) => {
        const result = read(Buffer.concat([counted(body), after]), places);
        assert.equal(result.head?.status, 200);
        assert.deepEqual(result.body, body);
        assert.ok(result.ended);
        assert.deepEqual(result.rest, after);
      }),
    );
  });

  it('reads chunked bodies however they are cut', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 8 }), cuts, (parts, places) => {
        const result = read(chunked(parts), places);
        assert.deepEqual(result.body, Buffer.concat(parts));
        assert.ok(result.ended);
        assert.equal(result.rest.length, 0);
      }),
    );
  });

  it('reads answers without a body', () => {
    for (const status of ['204 No Content', '304 Not Modified', '101 Switching Protocols']) {
      const result = read(Buffer.from(`HTTP/1.1 ${status}\r\nX: y\r\n\r\nrest`));
      assert.ok(result.ended);
      assert.equal(result.rest.toString(), 'rest');
    }
  });

  it('reads a body that ends with the connection', () => {
    const result = read(Buffer.from('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
    assert.equal(result.ended, false);
    assert.equal(result.parser.close(), true);
    assert.equal(result.body.toString(), 'until the end');
  });

  it('tells an answer that was cut off', () => {
    assert.equal(read(counted(Buffer.from('abc')).subarray(0, -1)).parser.close(), false);
    assert.equal(read(Buffer.from('HTTP/1.1 200')).parser.close(), false);
    assert.equal(read(chunked([Buffer.from('abc')]).subarray(0, -2)).parser.close(), false);
  });

  it('passes over interim answers and joins repeated headers', () => {
    const result = read(Buffer.from('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 X\r\nA: 1\r\na: 2\r\n\r\n'));
    assert.equal(result.head?.status, 204);
    assert.equal(result.head.headers.get('a'), '1, 2');
  });

  it('refuses what is not HTTP', () => {
    for (const text of [
      'SSH-2.0-OpenSSH\r\n\r\n',
      'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n',
      'x'.repeat(70_000),
    ]) {
      assert.throws(() => read(Buffer.from(text)), Error);
    }
  });
});
