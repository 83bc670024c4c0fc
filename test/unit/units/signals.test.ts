import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { parseSignal, signalName, SIGNALS } from '../../../shared/signals.ts';

void test('names and numbers are this machine’s', () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    if (name in SIGNALS || ['SIGIOT', 'SIGPOLL'].includes(name)) assert.equal(parseSignal(name), number, name);
  }
});

void test('a signal is read in every way people write it', () => {
  for (const text of ['TERM', 'term', 'SIGTERM', 'sigterm', '15']) assert.equal(parseSignal(text), 15, text);
  assert.equal(parseSignal('RTMIN'), 34);
  assert.equal(parseSignal('SIGRTMIN+3'), 37);
  assert.equal(parseSignal('RTMAX-1'), 63);
  for (const text of [
    '',
    '0',
    '65',
    '-1',
    '1.5',
    'SIG',
    'NOPE',
    'RTMIN+31',
    'RTMAX-31',
    'RTMIN-1',
    'constructor',
    ' 9',
    '009',
  ]) {
    assert.equal(parseSignal(text), undefined, text);
  }
});

void test('a name leads back to its number', () => {
  for (let number = 1; number <= 64; number += 1) assert.equal(parseSignal(signalName(number)), number);
  assert.equal(signalName(9), 'SIGKILL');
  assert.equal(signalName(37), 'SIGRTMIN+3');
  assert.equal(signalName(32), '32');
});
