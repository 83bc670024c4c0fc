/** What others do to a table of ours is seen, in a network of this test's own: the machine's rules are not touched. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Nftables } from '../../daemon/network/netfilter/nftables/connection.ts';
import { addElements, deleteElements, type Element } from '../../daemon/network/netfilter/nftables/elements.ts';
import { watchTable } from '../../daemon/network/netfilter/nftables/monitor.ts';
import type { TableChange } from '../../daemon/network/netfilter/nftables/notifications.ts';
import { addChain, addRule, addTable, deleteTable } from '../../daemon/network/netfilter/nftables/objects.ts';
import type { TableName } from '../../daemon/network/netfilter/nftables/protocol.ts';
import { addSet, flushSet, type SetShape } from '../../daemon/network/netfilter/nftables/sets.ts';
import * as say from '../../daemon/network/netfilter/nftables/statements.ts';
import { systemCall } from '../../native-bindings/libc.ts';
import { until } from '../harness/until.ts';

const CLONE_NEWNET = 0x40000000;
const MACHINE = readlinkSync('/proc/self/ns/net');
// From here on this thread and what it spawns are in a network of their own.
systemCall<[flags: number]>('int unshare(int flags)')(CLONE_NEWNET);
assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), MACHINE);

const nft = (...words: string[]): string => execFileSync('nft', words, { encoding: 'utf8' });

let nftables: Nftables;
before(() => {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  nftables = Nftables.open();
});
after(() => {
  nftables.close();
});

/** A table of that name, without the rest of the world. */
function freshTable(name: string): TableName {
  const table: TableName = { family: 'inet', table: name };
  nftables.transaction([deleteTable(table, { tolerant: true }), addTable(table, { exclusive: true })]);
  return table;
}

const PORTS = {
  name: 'ports',
  key: ['inet_proto', 'ipv4_addr', 'inet_service'],
  data: ['ipv4_addr', 'inet_service'],
  comment: 'published ports',
} as const satisfies SetShape;
const BRIDGES = { name: 'bridges', key: ['ifname'] } as const;

/** Watches `table` but for what `nftables` does. */
function watched(table: TableName): { changes: TableChange[]; lost(): number; close(): void } {
  const changes: TableChange[] = [];
  let lost = 0;
  let failure: unknown;
  const watch = watchTable(
    table,
    { own: [nftables.port()] },
    {
      changed: (change) => changes.push(change),
      lost: () => {
        lost++;
      },
      failed: (error) => {
        failure = error;
      },
    },
  );
  const close = (): void => {
    watch.close();
    assert.equal(failure, undefined);
  };
  return { changes, lost: () => lost, close };
}

void test('the monitor sees what others do to our table, and that alone', async () => {
  const table = freshTable('seen');
  const watch = watched(table);
  try {
    const fill = (): void => nftables.transaction([
      addTable(table),
      addChain(table, 'a'),
      addRule(table, 'a', [say.counter()], { comment: 'one' }),
      addSet(table, BRIDGES),
      addElements(table, BRIDGES, [{ key: ['a'] }, { key: ['b'] }]),
    ]); // prettier-ignore
    fill();
    // None of these is reported: not of our table, or our own.
    nft('add', 'table', 'ip', 'seen');
    nft('add', 'table', 'inet', 'unseen');
    nftables.transaction([deleteElements(table, BRIDGES, [['b']]), addElements(table, BRIDGES, [{ key: ['b'] }])]);
    nft('delete', 'element', 'inet', 'seen', 'bridges', '{ "a" }');
    await until('the element', () => watch.changes.length > 0);
    const [first] = watch.changes.splice(0);
    assert.deepEqual(
      { ...first, process: first?.process?.name },
      { process: 'nft', removed: ['element of bridges'], added: [], removedCount: 1, addedCount: 0 },
    );
    nft('add', 'chain', 'inet', 'seen', 'foreign');
    await until('the chain', () => watch.changes.length > 0);
    assert.deepEqual(watch.changes.splice(0).map(({ added }) => added), [['chain foreign']]); // prettier-ignore
    nft('flush', 'ruleset');
    await until('the flush', () => watch.changes.length > 0);
    const [flush] = watch.changes.splice(0);
    const handles = flush?.removed.map((object) => object.replace(/rule \d+/, 'rule')).sort();
    assert.deepEqual(handles, ['chain a', 'chain foreign', 'rule of a', 'set bridges', 'table']);
    fill();
    nft('flush', 'set', 'inet', 'seen', 'bridges');
    await until('the flush of the set', () => watch.changes.length > 0);
    assert.deepEqual(watch.changes.splice(0).map(({ removedCount }) => removedCount), [2]); // prettier-ignore
    nft('delete', 'table', 'inet', 'seen');
    await until('the end of the table', () => watch.changes.length > 0);
    assert.equal(watch.changes[0]?.removed.at(-1), 'table');
    assert.equal(watch.lost(), 0);
  } finally {
    watch.close();
  }
});

void test('the monitor says where more happened than it could be told', async () => {
  const table = freshTable('flood');
  const watch = watched(table);
  const other = Nftables.open();
  try {
    const elements = Array.from({ length: 60_000 }, (_, port): Element => ({
      key: ['tcp', '192.0.2.1', port],
      data: ['10.0.0.1', port],
      comment: 'x'.repeat(100),
    }));
    other.transaction([addSet(table, PORTS), addElements(table, PORTS, elements)]);
    other.transaction([flushSet(table, PORTS.name)]);
    await until('the loss', () => watch.lost() > 0);
    // And hears again afterwards.
    watch.changes.length = 0;
    other.transaction([addChain(table, 'after')]);
    await until('the chain', () => watch.changes.some(({ added }) => added.includes('chain after')));
  } finally {
    watch.close();
    other.close();
    nftables.transaction([deleteTable(table)]);
  }
});
