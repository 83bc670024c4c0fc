import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { until } from '../../harness/until.ts';
import { LogWriter, iterate, numbers, texts } from './writer.ts';

void describe('a log that is followed', () => {
  void test('begins before there is a file, and ends with the container', async (t) => {
    const log = new LogWriter(t);
    const followed = texts(log.read({ follow: true }));
    await until('it listens', () => log.followers === 1);
    log.line('1');
    log.line('2');
    log.end();
    assert.deepEqual(await followed, ['1', '2']);
    assert.equal(log.followers, 0);
  });

  void test('a container that has ended already', async (t) => {
    const log = new LogWriter(t);
    for (const text of numbers(1, 5)) log.line(text);
    log.end();
    assert.deepEqual(await texts(log.read({ follow: true, tail: '2' })), ['4', '5']);
  });

  for (const [name, maxFiles, every] of [
    ['now and then', 50, 100],
    ['at each line', 3000, 1],
  ] as const) {
    void test(`rotation ${name}: nothing is lost, nothing comes twice`, async (t) => {
      const log = new LogWriter(t, maxFiles);
      const count = every === 1 ? 300 : 3000;
      const followers = [1, 2, 3].map(() => texts(log.read({ follow: true })));
      for (let number = 1; number <= count; number += 1) {
        log.line(String(number));
        if (number % every === 0) log.rotate();
        if (number % 7 === 0) await turn();
      }
      log.end();
      for (const followed of followers) assert.deepEqual(await followed, numbers(1, count));
    });
  }

  void test('a reader that is far behind loses only what was deleted', async (t) => {
    const log = new LogWriter(t, 2);
    const reading = iterate(log.read({ follow: true }));
    log.line('1');
    assert.equal((await reading.next()).value?.text, '1');
    for (let number = 2; number <= 20; number += 1) {
      log.rotate();
      log.line(String(number));
    }
    log.end();
    const seen: number[] = [];
    for (;;) {
      const next = await reading.next();
      if (next.done === true) break;
      seen.push(Number(next.value.text));
    }
    assert.deepEqual(seen, [19, 20]);
  });

  void test('a slow reader holds the reading, not the memory, and gets all', async (t) => {
    const log = new LogWriter(t, 100);
    const seen: string[] = [];
    const done = (async () => {
      for await (const entry of log.read({ follow: true })) {
        seen.push(entry.text);
        if (seen.length % 50 === 0) await turn();
      }
    })();
    for (let number = 1; number <= 1000; number += 1) log.line(String(number));
    log.end();
    await done;
    assert.deepEqual(seen, numbers(1, 1000));
  });

  void test('an abort ends it without an error, and lets go', async (t) => {
    const log = new LogWriter(t);
    log.line('1');
    const controller = new AbortController();
    const reading = iterate(log.read({ follow: true }, controller.signal));
    assert.equal((await reading.next()).value?.text, '1');
    const next = reading.next();
    controller.abort();
    assert.equal((await next).done, true);
    assert.equal(log.followers, 0);
    assert.deepEqual(await texts(log.read({ follow: true }, controller.signal)), []);
  });

  void test('a reader that breaks off lets go', async (t) => {
    const log = new LogWriter(t);
    log.line('1');
    for await (const entry of log.read({ follow: true })) {
      assert.equal(entry.text, '1');
      break;
    }
    assert.equal(log.followers, 0);
  });

  void test('ends at until', async (t) => {
    const log = new LogWriter(t);
    log.line('1');
    assert.deepEqual(await texts(log.read({ follow: true, until: String(Date.now() / 1000 + 0.2) })), ['1']);
    assert.deepEqual(await texts(log.read({ follow: true, until: '1' })), []);
  });

  void test('the directory goes away with the container', async (t) => {
    const log = new LogWriter(t);
    log.line('1');
    const reading = iterate(log.read({ follow: true }));
    assert.equal((await reading.next()).value?.text, '1');
    rmSync(log.directory, { recursive: true });
    log.end();
    assert.equal((await reading.next()).done, true);
    assert.deepEqual(await texts(log.read({ follow: true })), []);
  });
});
