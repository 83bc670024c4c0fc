import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BridgePorts, EXTENSIONS_MAX, isExtension } from '../../../../daemon/engine/endpoints/bridge-ports.ts';

test('the first bridge with room, again when a port of it is free', () => {
  const ports = new BridgePorts('ab12', 2);
  assert.equal(ports.choose('br0'), 0);
  ports.take('a', 'br0');
  ports.take('a', 'br0');
  ports.take('b', 'br0');
  assert.equal(ports.choose('br0'), 1);
  assert.equal(ports.choose('br1'), 0);
  ports.take('c', ports.extension('br0', 1).name);
  ports.release('a');
  ports.release('a');
  assert.equal(ports.choose('br0'), 0);
});

test('a bridge that is gone has no ports, whatever becomes of them', () => {
  const ports = new BridgePorts('ab12', 1);
  ports.take('a', 'br0');
  ports.forget('br0');
  assert.equal(ports.choose('br0'), 0);
  ports.take('b', 'br0');
  ports.release('a');
  assert.equal(ports.choose('br0'), 1);
});

test('where all are full there is none', () => {
  const ports = new BridgePorts('ab12', 1);
  ports.take('0', 'br0');
  for (let number = 1; number <= EXTENSIONS_MAX; number++) {
    assert.equal(ports.choose('br0'), number);
    ports.take(String(number), ports.extension('br0', number).name);
  }
  assert.equal(ports.choose('br0'), undefined);
});

test('names fit, and tell whose they are', () => {
  const ports = new BridgePorts('ab12', 1000);
  const { name, near, far } = ports.extension('a-long-bridge-1', EXTENSIONS_MAX);
  for (const one of [name, near, far]) assert.ok(one.length <= 15, one);
  assert.ok(isExtension('ab12', ports.extension('br0', 7).name, 'br0'));
  assert.ok(!isExtension('ab12', ports.extension('br0', 7).name, 'br1'));
});
