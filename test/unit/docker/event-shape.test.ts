import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../../shared/api/event.ts';
import { eventFilter } from '../../../daemon/docker/system/event-filter.ts';
import { dockerEvents, messageOf } from '../../../daemon/docker/system/event-shape.ts';
import { jsonText } from '../../../daemon/docker/register.ts';

const AT = '2026-01-02T03:04:05.000000006Z';
const OF = {
  sequence: 1,
  at: AT,
  container: 'c'.repeat(64),
  name: 'web',
  labels: { a: 'b' },
  imageName: 'bb:1',
} as const;
const NETWORKS = [{ id: 'n'.repeat(64), name: 'front' }];

const actions = (event: Event): string[] => dockerEvents(event).map(({ Type, Action }) => `${Type} ${Action}`);

test('networks are connected before the start and disconnected after the end', () => {
  assert.deepEqual(actions({ ...OF, action: 'start', networks: NETWORKS }), ['network connect', 'container start']);
  assert.deepEqual(actions({ ...OF, action: 'die', exitCode: 3, networks: NETWORKS }), [
    'container die',
    'network disconnect',
  ]);
  const [place] = dockerEvents({ ...OF, action: 'start', networks: NETWORKS });
  assert.deepEqual(place?.Actor, {
    ID: 'n'.repeat(64),
    Attributes: { container: 'c'.repeat(64), name: 'front', type: 'bridge' },
  });
});

test('an event of a container has its labels, image and name, and what belongs to it', () => {
  const [kill] = dockerEvents({ ...OF, action: 'kill', detail: 'SIGTERM' });
  assert.deepEqual(kill?.Actor.Attributes, { a: 'b', image: 'bb:1', name: 'web', signal: '15' });
  const [rename] = dockerEvents({ ...OF, action: 'rename', detail: 'old' });
  assert.equal(rename?.Actor.Attributes.oldName, '/old');
  const [exec] = dockerEvents({ ...OF, action: 'exec_create', exec: 'e1', detail: 'sh -c true' });
  assert.equal(exec?.Action, 'exec_create: sh -c true');
  assert.equal(exec.Actor.Attributes.execID, 'e1');
});

test('a message has its time in nanoseconds, digit by digit', () => {
  const [event] = dockerEvents({ ...OF, action: 'create' });
  assert.ok(event);
  const text = jsonText(messageOf(event, AT));
  assert.match(text, /"time":1767323045,"timeNano":1767323045000000006\}\n$/);
  assert.equal((JSON.parse(text) as { from: string }).from, 'bb:1');
});

test('filters: alternatives of one key, all of different ones', () => {
  const [start] = dockerEvents({ ...OF, action: 'start' });
  assert.ok(start);
  const admits = (filters: Record<string, string[]>): boolean => eventFilter(new Map(Object.entries(filters)))(start);
  assert.ok(admits({ event: ['start', 'die'], type: ['container'] }));
  assert.ok(admits({ container: ['web'], label: ['a=b'], image: ['bb'] }));
  assert.ok(admits({ container: ['cccc'] }));
  assert.ok(!admits({ event: ['die'] }));
  assert.ok(!admits({ type: ['network'] }));
  assert.ok(!admits({ label: ['a=c'] }));
  assert.ok(!admits({ plugin: ['x'] }));
  const [probe] = dockerEvents({ ...OF, action: 'health_status', detail: 'healthy' });
  assert.ok(probe && eventFilter(new Map([['event', ['health_status']]]))(probe));
});
