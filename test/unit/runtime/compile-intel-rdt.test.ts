import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BARE_HOST, type HostFacts } from '../../../daemon/runtime/host-facts.ts';
import { compileExec } from '../../../daemon/runtime/plan/compile-exec.ts';
import { compileStart } from '../../../daemon/runtime/plan/compile-start.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { V2, execTarget, refusal, small, startTarget } from './targets.ts';

const MOUNT = '/sys/fs/resctrl';

/** A host with these classes, by their directories. */
function hostWith(classes: Record<string, string> = {}): HostFacts {
  return { ...BARE_HOST, resctrl: { mount: MOUNT, schemataOf: (directory) => classes[directory] } };
}

function start(intelRdt: object, host = hostWith()): Operation[] {
  const plan = compileStart(small({ namespaces: [{ type: 'mount' }], intelRdt }), startTarget({ host, cgroups: V2 }));
  return plan.filter((operation) => 'host' in operation && operation.host.startsWith(MOUNT));
}

const make = (host: string, keep = 0): Operation => ({ op: 'cgroup_make', host, keep });
const write = (host: string, value: string): Operation => ({ op: 'cgroup_write', host: `${host}/schemata`, value });
const join = (host: string): Operation => ({ op: 'cgroup_join', host });

test('without a name the class is the container’s own, and goes with it', () => {
  const own = `${MOUNT}/one`;
  assert.deepEqual(start({}), [make(own), join(own)]);
  assert.deepEqual(
    start({ l3CacheSchema: 'L3:0=f\nMB:0=70\n', memBwSchema: 'MB:0=20', schemata: ['L2:0=3', 'MB:0=5'] }),
    [make(own), write(own, 'L3:0=f\nMB:0=20\n'), write(own, 'L2:0=3\nMB:0=5\n'), join(own)],
  );
});

test('a named class is made where it is missing, and stays', () => {
  const gold = `${MOUNT}/gold`;
  assert.deepEqual(start({ closID: 'gold', schemata: ['L3:0=f'] }), [
    make(gold, 1),
    write(gold, 'L3:0=f\n'),
    join(gold),
  ]);
});

test('a class that is there is entered as it is, or not at all', () => {
  const gold = `${MOUNT}/gold`;
  const host = hostWith({ [gold]: '    L3:0=000f;1=00ff\n    MB:0=100;1=100\n' });
  assert.deepEqual(start({ closID: 'gold' }, host), [join(gold)]);
  assert.deepEqual(start({ closID: 'gold', l3CacheSchema: 'L3:0=f' }, host), [join(gold)]);
  const error = refusal(() => start({ closID: 'gold', schemata: ['L3:1=f'] }, host));
  assert.equal(error.field, 'linux.intelRdt');
  assert.match(error.message, /class "gold" exists with L3:1=ff, not f/);
});

test('a class that is named, missing and without a schema is refused', () => {
  assert.equal(refusal(() => start({ closID: 'gold' })).field, 'linux.intelRdt.closID');
});

test('monitoring: a group of the container’s own inside the class, entered after it', () => {
  const root = hostWith({ [MOUNT]: 'L3:0=ffff\n' });
  const group = `${MOUNT}/mon_groups/one`;
  assert.deepEqual(start({ closID: '/', enableMonitoring: true }, root), [make(group), join(MOUNT), join(group)]);
});

test('an exec goes where init is; a host without resctrl refuses', () => {
  const spec = small({ namespaces: [{ type: 'mount' }], intelRdt: { closID: 'gold', enableMonitoring: true } });
  const plan = compileExec(spec, { cwd: '/', args: ['x'] }, execTarget({ host: hostWith(), cgroups: V2 }));
  assert.deepEqual(
    plan.filter(({ op }) => op.startsWith('cgroup_')),
    [
      { op: 'cgroup_into', host: '/sys/fs/cgroup/tare-0/one' },
      join(`${MOUNT}/gold`),
      join(`${MOUNT}/gold/mon_groups/one`),
    ],
  );
  const error = refusal(() => start({}, BARE_HOST));
  assert.deepEqual([error.field, error.kind], ['linux.intelRdt', 'unsupported']);
});
