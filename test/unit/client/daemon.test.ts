import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ConnectionLostError, ProblemError } from '../../../client/errors.ts';
import { Daemon } from '../../../client/http/daemon.ts';
import { problem } from './scripted-daemon.ts';

describe('the connection to the daemon', { timeout: 300_000 }, () => {
  let directory: string;
  let socket: string;
  let server: Server;
  let listener: RequestListener;
  let connections: number;
  let daemon: Daemon;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tare-http-'));
    socket = join(directory, 's');
    connections = 0;
    server = createServer((request, response) => {
      listener(request, response);
    });
    server.on('connection', () => (connections += 1));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    daemon = new Daemon(`unix://${socket}`);
  });
  afterEach(async () => {
    daemon.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  });

  const answer = (body: string, headers: Record<string, string> = {}): RequestListener => {
    return (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body);
    };
  };

  it('is kept between requests, and several are opened at a time', async () => {
    listener = answer('{"a":1}');
    for (let count = 0; count < 5; count++) assert.deepEqual(await daemon.get('/x'), { a: 1 });
    assert.equal(connections, 1);
    await Promise.all([daemon.get('/x'), daemon.get('/x'), daemon.get('/x')]);
    assert.equal(connections, 3);
  });

  it('is not used again where the daemon closes it', async () => {
    listener = answer('1', { connection: 'close' });
    assert.equal(await daemon.get('/x'), 1);
    assert.equal(await daemon.get('/x'), 1);
    assert.equal(connections, 2);
  });

  it('sends paths, queries and bodies', async () => {
    listener = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const seen = {
          method: request.method,
          url: request.url,
          type: request.headers['content-type'],
          body: Buffer.concat(chunks).toString(),
        };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(seen));
      });
    };
    assert.deepEqual(
      await daemon.post<unknown>('/x', { text: 'ü€' }, { a: ['1', '2'], b: undefined, c: true, d: 'x&y' }),
      {
        method: 'POST',
        url: '/v1/x?a=1&a=2&c=true&d=x%26y',
        type: 'application/json',
        body: '{"text":"ü€"}',
      },
    );
    const bare = { method: 'POST', url: '/v1/x', body: '' };
    assert.deepEqual(await daemon.post<unknown>('/x'), bare);
  });

  it('reads a large answer in chunks', async () => {
    const list = Array.from({ length: 50_000 }, (_, index) => ({ index }));
    listener = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const text = JSON.stringify(list);
      for (let at = 0; at < text.length; at += 10_000) response.write(text.slice(at, at + 10_000));
      response.end();
    };
    assert.deepEqual(await daemon.get('/x'), list);
  });

  it('makes errors of problem documents', async () => {
    const document = problem('name_taken', 'name web is taken', 409, { field: 'name', hint: 'tare rm web' });
    listener = (_, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json' }).end(JSON.stringify(document));
    };
    await assert.rejects(daemon.get('/x'), (error: unknown) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.message, 'name web is taken');
      assert.equal(error.hint, 'tare rm web');
      assert.equal(error.problem.field, 'name');
      return true;
    });
  });

  it('tells an answer that breaks off', async () => {
    listener = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{');
      response.socket?.destroySoon();
    };
    await assert.rejects(daemon.get('/x'), ConnectionLostError);
  });

  it('tells what is no daemon', async () => {
    const path = join(directory, 'other');
    const other = createNetServer((connection) => connection.resume().end('SSH-2.0-x\r\n\r\n'));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    await assert.rejects(new Daemon(path).get('/x'), /does not speak HTTP/);
    await new Promise((resolve) => other.close(resolve));
    await assert.rejects(new Daemon(path).get('/x'), /is tared running/);
  });

  it('refuses what does not speak websocket', async () => {
    server.on('upgrade', (_, upgraded) => {
      upgraded.write('HTTP/1.1 101 X\r\nSec-WebSocket-Accept: no\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      upgraded.resume().on('end', () => {
        upgraded.end();
      });
    });
    await assert.rejects(daemon.webSocket('/x', {}, 'p'), /does not speak websocket/);
  });

  it('gives lines one after the other and holds the daemon back meanwhile', async () => {
    const count = 20_000;
    let sent = 0;
    listener = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      const send = (): void => {
        while (sent < count) {
          sent += 1;
          if (!response.write(`${JSON.stringify({ sent, filler: 'é'.repeat(100) })}\n`)) {
            response.once('drain', send);
            return;
          }
        }
        response.end();
      };
      send();
    };
    let busy = false;
    let expected = 0;
    let ahead = 0;
    await daemon.lines('/x', {}, async (line) => {
      assert.equal(busy, false);
      busy = true;
      expected += 1;
      assert.equal((line as { sent: number }).sent, expected);
      if (expected === 1) for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
      if (expected === 1) ahead = sent;
      busy = false;
    });
    assert.equal(expected, count);
    assert.ok(ahead < count, `the daemon was ${String(ahead)} lines ahead`);
  });

  it('passes on a failure of whoever takes the lines, and a refusal', async () => {
    listener = answer('{"a":1}\n{"a":2}\n');
    await assert.rejects(
      daemon.lines('/x', {}, () => {
        throw new Error('mine');
      }),
      /mine/,
    );
    listener = (_, response) => {
      const document = problem('container_not_found', 'no container x', 404);
      response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify(document));
    };
    await assert.rejects(
      daemon.lines('/x', {}, () => undefined),
      /no container x/,
    );
  });

  it('sends a body in pieces, the next when the former was taken', async () => {
    let asked = 0;
    let ahead = 0;
    function* pieces(): Generator<Uint8Array> {
      const piece = Buffer.alloc(64 * 1024);
      for (; asked < 200; asked++) yield piece.fill(asked);
    }
    listener = (request, response) => {
      void (async () => {
        for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
        ahead = asked;
        let [length, sum] = [0, 0];
        for await (const chunk of request as AsyncIterable<Buffer>) {
          for (let at = 0; at < chunk.length; at += 64 * 1024) sum += chunk[at] ?? 0;
          length += chunk.length;
        }
        answer(JSON.stringify({ length, type: request.headers['content-type'], some: sum > 0 }))(request, response);
      })();
    };
    const upload = { contentType: 'application/x-tar', pieces: pieces() };
    const told = await daemon.request('PUT', '/x', { upload });
    assert.deepEqual(told, { length: 200 * 64 * 1024, type: 'application/x-tar', some: true });
    assert.ok(ahead < 200, `the client was ${String(ahead)} pieces ahead`);
    assert.equal(await daemon.get('/x').then(() => connections), 1);
  });

  it('stops sending where the answer is there already', async () => {
    let closed = false;
    function* endless(): Generator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        closed = true;
      }
    }
    listener = (request, response) => {
      const document = problem('archive_invalid', 'no archive', 400);
      response.writeHead(400, { 'content-type': 'application/problem+json' }).end(JSON.stringify(document));
      request.resume();
    };
    const upload = { contentType: 'application/x-tar', pieces: endless() };
    await assert.rejects(daemon.request('POST', '/x', { upload }), /no archive/);
    listener = answer('1');
    assert.equal(await daemon.get('/x'), 1);
    assert.equal(connections, 2);
    assert.equal(closed, true);
  });

  it('tells what could not be sent', async () => {
    listener = (request) => request.resume();
    function* broken(): Generator<Uint8Array> {
      yield Buffer.from('x');
      throw new ProblemError({ type: '', title: '', status: 0, detail: 'cannot read it', code: 'mine' });
    }
    const upload = { contentType: 'application/x-tar', pieces: broken() };
    await assert.rejects(daemon.request('POST', '/x', { upload }), /cannot read it/);
  });

  it('takes the head alone, and a download in pieces', async () => {
    listener = (request, response) => {
      response.writeHead(200, { 'content-length': '400000', 'x-kind': 'file' });
      response.end(request.method === 'HEAD' ? undefined : Buffer.alloc(400_000, 'z'));
    };
    const head = await daemon.head('/x', { path: '/a b' });
    assert.deepEqual([head.status, head.headers.get('x-kind')], [200, 'file']);
    let [length, busy] = [0, false];
    await daemon.download('GET', '/x', {}, () => async (piece) => {
      assert.equal(busy, false);
      busy = true;
      await new Promise(setImmediate);
      length += piece.length;
      busy = false;
    });
    assert.equal(length, 400_000);
    assert.equal(connections, 1);
    listener = (_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).write('half');
      setImmediate(() => response.destroy());
    };
    await assert.rejects(
      daemon.download('GET', '/x', {}, () => () => undefined),
      ConnectionLostError,
    );
  });

  it('gives the result of work, or its problem', async () => {
    const told = (last: object): RequestListener =>
      answer(`{"status":"waiting"}\n${JSON.stringify(last)}\n`, { 'content-type': 'application/x-ndjson' });
    const seen: unknown[] = [];
    const work = (): Promise<unknown> => daemon.progress('/x', {}, (progress) => seen.push(progress));
    listener = told({ result: { a: 1 } });
    assert.deepEqual(await work(), { a: 1 });
    assert.deepEqual(seen, [{ status: 'waiting' }]);
    listener = told({ problem: problem('disk_full', 'no space', 507) });
    await assert.rejects(work(), /no space/);
    listener = told({ status: 'waiting' });
    await assert.rejects(work(), ConnectionLostError);
  });
});
