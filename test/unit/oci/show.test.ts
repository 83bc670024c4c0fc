/** What ps, list, events and spec make of what they read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COLUMNS, FULL_COLUMNS, processRows, titlesOf } from '../../../daemon/runtime/process-table.ts';
import { defaultSpec } from '../../../daemon/runtime/spec/default-spec.ts';
import { validateSpec } from '../../../daemon/runtime/spec/validate.ts';
import { columnsOf } from '../../../daemon/runtime/ps-options.ts';
import { rootless } from '../../../oci/commands/spec.ts';
import { parseInterfaces } from '../../../oci/events/network.ts';
import { blkioEntriesV1, blkioEntriesV2, listOf } from '../../../oci/events/stats.ts';
import { table } from '../../../oci/table.ts';

describe('ps', () => {
  it('knows which columns ps(1) shows for which options', () => {
    assert.deepEqual(columnsOf([]), FULL_COLUMNS);
    assert.deepEqual(columnsOf(['-ef']), FULL_COLUMNS);
    assert.deepEqual(columnsOf(['-e', '-f', '-ww']), FULL_COLUMNS);
    assert.deepEqual(columnsOf(['-A']), ['pid', 'tty', 'time', 'comm']);
    assert.deepEqual(columnsOf(['ax']), ['pid', 'tty', 'time', 'comm']);
    assert.equal(columnsOf(['aux'])[0], 'user');
    assert.deepEqual(columnsOf(['-o', 'pid,comm', '-oargs']), ['pid', 'comm', 'args']);
  });

  it('refuses others by name', () => {
    assert.throws(() => columnsOf(['-Z']), /the option -Z of ps\(1\) is not supported/);
    assert.throws(() => columnsOf(['-o']), /-o needs a list of columns/);
    assert.throws(() => columnsOf(['-o', 'pid,wchan']), /there is no column "wchan"/);
  });

  it('makes a row of every column of a process, and none of one that has ended', () => {
    const names = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
    const rows = processRows([process.pid, 2 ** 22], names);
    assert.equal(rows.length, 1);
    const cell = (name: (typeof names)[number]) => rows[0]?.[names.indexOf(name)] ?? '';
    assert.equal(cell('pid'), String(process.pid));
    assert.equal(cell('ppid'), String(process.ppid));
    assert.equal(cell('uid'), String(process.getuid?.()));
    assert.match(cell('time'), /^\d\d:\d\d:\d\d$/);
    assert.match(cell('args'), /node/);
    assert.match(cell('stat'), /^R/);
    assert.ok(Number(cell('rss')) > 1000 && Number(cell('vsz')) > Number(cell('rss')));
    assert.deepEqual(titlesOf(FULL_COLUMNS), ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
  });
});

describe('a table', () => {
  it('has columns as wide as they need, and lets nothing through to the terminal', () => {
    const columns = [{ title: 'ID' }, { title: 'PID', right: true }, { title: 'BUNDLE' }];
    assert.equal(
      table(columns, [
        ['web', '7', '/b'],
        ['longer', '12345', '/\u001b[2J'],
      ]),
      'ID        PID  BUNDLE\nweb         7  /b\nlonger  12345  /?[2J\n',
    );
    assert.equal(table(columns, []), 'ID  PID  BUNDLE\n');
  });
});

describe('events', () => {
  it('reads lists of processors', () => {
    assert.deepEqual(listOf('0-2,4'), [0, 1, 2, 4]);
    assert.deepEqual(listOf('7'), [7]);
    assert.equal(listOf(undefined), undefined);
  });

  it('reads block I/O of both versions into entries of one shape', () => {
    const entry = (op: string, value: bigint) => ({ major: 8, minor: 16, op, value });
    assert.deepEqual(blkioEntriesV1(['8:16 Read 4096', '8:16 Write 18446744073709551615', 'Total 5']), [
      entry('Read', 4096n),
      entry('Write', 18446744073709551615n),
    ]);
    const lines = ['8:16 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0', '8:32 '];
    assert.deepEqual(blkioEntriesV2(lines, { rbytes: 'Read', wbytes: 'Write' }), [
      entry('Read', 4096n),
      entry('Write', 1n),
    ]);
    assert.deepEqual(blkioEntriesV2(lines, { rios: 'Read' }), [entry('Read', 2n)]);
  });

  it('reads network interfaces, loopback aside', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
      '    lo:    6386      58    0    0    0     0          0         0     6386      58    0    0    0     0       0          0',
      '  eth0: 113628  33427    1    2    0     0          0         0  3537349   24519    3    4    0     0       0          0',
      '',
    ].join('\n');
    assert.deepEqual(parseInterfaces(text), [
      {
        Name: 'eth0',
        RxBytes: 113628,
        RxPackets: 33427,
        RxErrors: 1,
        RxDropped: 2,
        TxBytes: 3537349,
        TxPackets: 24519,
        TxErrors: 3,
        TxDropped: 4,
      },
    ]);
  });
});

describe('spec', () => {
  const usual = defaultSpec({
    host: { nofileHard: 4096, thermalThrottle: [] },
    args: ['sh'],
    hostname: 'tare',
    seccomp: undefined,
  });

  it('without root has a user namespace, the host’s network and no limits', () => {
    const { linux, mounts } = validateSpec(rootless(usual, 1000, 100), { unknown: 'refuse' });
    assert.deepEqual(linux?.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
    assert.deepEqual(linux.gidMappings, [{ containerID: 0, hostID: 100, size: 1 }]);
    assert.deepEqual(linux.namespaces?.map(({ type }) => type).toSorted(), [
      'cgroup',
      'ipc',
      'mount',
      'pid',
      'user',
      'uts',
    ]);
    assert.equal(linux.resources, undefined);
    const sys = mounts?.find(({ destination }) => destination === '/sys');
    assert.deepEqual(
      [sys?.source, sys?.options?.includes('rbind'), sys?.options?.includes('rro')],
      ['/sys', true, true],
    );
    assert.ok(mounts?.every(({ options = [] }) => options.every((option) => !/^[ug]id=/.test(option))));
  });
});
