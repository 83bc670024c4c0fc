import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import type { Progress } from '../../../shared/api/image.ts';
import { size } from '../../../client/format/size.ts';
import { ProgressBars, type Screen } from '../../../client/progress/bars.ts';
import { ProgressLines } from '../../../client/progress/lines.ts';
import { layerState, row } from '../../../client/progress/rows.ts';

const layer = (digit: string): string => `sha256:${digit.repeat(64)}`;
const at = (digit: string, status: Progress['status'], current?: number, total?: number): Progress => ({
  layer: layer(digit),
  ...(status === undefined ? {} : { status }),
  ...(current === undefined ? {} : { current }),
  ...(total === undefined ? {} : { total }),
});

/** As much of a terminal as the bars use: lines, the cursor's row, clearing, and its size. */
class TestScreen extends EventEmitter {
  columns = 80;
  rows = 10;
  readonly lines: string[] = [];
  cursor = 0;

  write(text: string): boolean {
    for (const [, code, letter, plain] of text.matchAll(/\u001b\[([?\d]*)([A-Za-z])|([^\u001b]+)/g)) {
      if (letter === 'A') this.cursor = Math.max(0, this.cursor - Number(code));
      else if (letter === 'J') this.lines.splice(this.cursor);
      else if (plain !== undefined) this.#print(plain);
    }
    return true;
  }

  #print(text: string): void {
    for (const [, line = '', end] of text.matchAll(/([^\r\n]*)([\r\n]|$)/g)) {
      if (line !== '') this.lines[this.cursor] = line;
      if (end === '\n') this.cursor += 1;
    }
  }
}

/** The picture after these, drawn once. */
function picture(screen: TestScreen, ...items: readonly Progress[]): readonly string[] {
  const bars = new ProgressBars(screen as unknown as Screen, 'Pull complete');
  for (const item of items) bars.take(item);
  bars.end();
  return screen.lines;
}

describe('sizes', () => {
  it('have three digits and powers of 1000', () => {
    const sizes: readonly (readonly [number, string])[] = [
      [0, '0B'],
      [999, '999B'],
      [999_999, '1MB'],
      [116_600_000, '117MB'],
      [1_236_000_000, '1.24GB'],
    ];
    for (const [count, text] of sizes) assert.equal(size(count), text);
    assert.equal(size(1_236_000_000, 4), '1.236GB');
  });
});

describe('progress', () => {
  it('is a row a layer, as wide as there is room', () => {
    const state = layerState(at('a', 'downloading', 50e6, 100e6));
    assert.equal(
      row(state, 100, 'Pull complete'),
      `aaaaaaaaaaaa: Downloading    [${'='.repeat(25)}>${' '.repeat(24)}]  50MB/100MB`,
    );
    assert.equal(row(state, 60, 'Pull complete').length, 60);
    assert.equal(row(state, 44, 'Pull complete'), 'aaaaaaaaaaaa: Downloading    50MB/100MB');
    assert.equal(row(state, 10, 'Pull complete').length, 10);
    assert.equal(row(layerState(at('a', 'done')), 80, 'Pushed'), 'aaaaaaaaaaaa: Pushed');
    const mounted = { ...at('a', 'mounted'), detail: 'you/\u001b[2Jbase' };
    assert.equal(row(layerState(mounted), 80, 'Pushed'), 'aaaaaaaaaaaa: Mounted (you/\\u001b[2Jbase)');
  });

  it('is drawn in its place, below what was there', () => {
    const screen = new TestScreen();
    screen.write('before\n');
    const bars = new ProgressBars(screen as unknown as Screen, 'Pull complete');
    bars.take(at('a', 'waiting'));
    bars.take(at('b', 'downloading', 1, 2));
    screen.emit('resize');
    assert.deepEqual(
      screen.lines.map((line) => line.slice(0, 26).trimEnd()),
      ['before', 'aaaaaaaaaaaa: Waiting', 'bbbbbbbbbbbb: Downloading'],
    );
    bars.take(at('a', 'done'));
    bars.take(at('b', 'exists'));
    bars.end();
    assert.deepEqual(screen.lines, ['before', 'aaaaaaaaaaaa: Pull complete', 'bbbbbbbbbbbb: Already exists']);
    assert.equal(screen.cursor, 3);
    assert.equal(screen.listenerCount('resize'), 0);
  });

  it('shows what is under way where there is not room for all', () => {
    const screen = new TestScreen();
    screen.rows = 4;
    const items = ['a', 'b', 'c', 'd', 'e'].map((digit) => at(digit, digit < 'd' ? 'done' : 'waiting'));
    assert.deepEqual(picture(screen, ...items), [
      'dddddddddddd: Waiting',
      'eeeeeeeeeeee: Waiting',
      '3 of 5 layers are complete',
    ]);
  });

  it('is a line at the beginning and at the end of a layer where nobody watches', () => {
    const written: string[] = [];
    const output = { write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream;
    const lines = new ProgressLines(output, 'Pull complete');
    lines.take(at('a', 'waiting'));
    lines.take(at('a', 'downloading', 1, 2000));
    lines.take(at('a', 'downloading', 2, 2000));
    lines.take(at('a', 'done'));
    lines.take(at('b', 'exists'));
    lines.end();
    assert.deepEqual(written, [
      'aaaaaaaaaaaa: Downloading 2kB\n',
      'aaaaaaaaaaaa: Pull complete\n',
      'bbbbbbbbbbbb: Already exists\n',
    ]);
  });
});
