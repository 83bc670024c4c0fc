/** The states of containers on disk. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { claimStart, makeStartPipes, signalStart } from '../../../oci/container/start-pipes.ts';
import {
  createDirectory,
  listRecords,
  readRecord,
  readRecordIfAny,
  removeDirectory,
  writeRecord,
  type ContainerRecord,
} from '../../../oci/container/state.ts';
import { isAlive, startTimeOf, statusOf } from '../../../oci/container/status.ts';
import { OciError } from '../../../oci/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'tare-oci-state-'));
after(() => {
  rmSync(root, { recursive: true });
});

const none = { mode: 'none', v1: [] } as const;

function record(id: string, changes: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    version: 1,
    id,
    ociVersion: '1.2.0',
    bundle: '/bundle',
    rootfs: '/bundle/rootfs',
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? '',
    created: '2026-01-01T00:00:00.000000000Z',
    owner: 'root',
    annotations: {},
    cgroupPath: '/tare-oci/x',
    terminal: false,
    keyring: false,
    ...changes,
  };
}

test('an id is taken once, and free again when its directory is removed', () => {
  const directory = createDirectory(root, 'once');
  assert.throws(() => createDirectory(root, 'once'), /container once already exists/);
  assert.equal(readRecordIfAny(root, 'once'), undefined);
  assert.throws(() => readRecord(root, 'once'), /nothing is recorded/);
  writeRecord(directory, record('once'));
  assert.deepEqual(readRecord(root, 'once'), record('once'));
  assert.deepEqual(readdirSync(directory.path), ['state.json']);
  removeDirectory(root, 'once');
  assert.throws(
    () => readRecord(root, 'once'),
    (error: unknown) => error instanceof OciError && error.missing,
  );
  removeDirectory(root, 'once');
});

test('only ids that are plain names reach the file system', () => {
  for (const id of ['', '.', '..', 'a/b', 'a\0b', 'a b', ',a', 'x'.repeat(1025)]) {
    assert.throws(() => createDirectory(root, id), /container id/, id);
    assert.throws(() => readRecord(root, id), /container id/, id);
  }
  createDirectory(root, 'A-z_0.9+');
  removeDirectory(root, 'A-z_0.9+');
});

test('what a crash left of a removed directory goes with the next removal; a socket in use stays', () => {
  mkdirSync(join(root, ',gone.1', 'deep'), { recursive: true });
  const socket = join(root, `,,console.${String(process.pid)}`);
  writeFileSync(socket, '');
  createDirectory(root, 'next');
  removeDirectory(root, 'next');
  assert.equal(existsSync(join(root, ',gone.1')), false);
  assert.equal(existsSync(socket), true);
  rmSync(socket);
});

test('a list has every container that is recorded, and nothing else', () => {
  writeRecord(createDirectory(root, 'b'), record('b'));
  writeRecord(createDirectory(root, 'a'), record('a'));
  createDirectory(root, 'half');
  assert.deepEqual(
    listRecords(root).map(({ id }) => id),
    ['a', 'b'],
  );
  assert.deepEqual(listRecords(join(root, 'nowhere')), []);
  for (const id of ['a', 'b', 'half']) removeDirectory(root, id);
});

test('a state of another version is refused by number', () => {
  const { path } = createDirectory(root, 'newer');
  writeFileSync(join(path, 'state.json'), '{"version":2}');
  assert.throws(() => readRecord(root, 'newer'), /version 2.* 1$/);
  removeDirectory(root, 'newer');
});

test('a process counts with its start time only', () => {
  const own = { pid: process.pid, startTime: startTimeOf(process.pid) ?? '' };
  assert.match(own.startTime, /^\d+$/);
  assert.equal(isAlive(own), true);
  assert.equal(isAlive({ ...own, startTime: '1' }), false);
  assert.equal(isAlive({ pid: 0, startTime: '0' }), false);
  assert.equal(startTimeOf(2 ** 30), undefined);
});

test('the status comes from the process, its creator and the pipe that it waits at', () => {
  const directory = createDirectory(root, 'status');
  const status = (changes: Partial<ContainerRecord>) => statusOf(root, record('status', changes), () => none);
  const self = { pid: process.pid, startTime: startTimeOf(process.pid) ?? '' };
  const dead = { pid: process.pid, startTime: '1' };
  assert.equal(status({}), 'running');
  assert.equal(status(dead), 'stopped');
  assert.equal(status({ pid: 0, startTime: '0', creator: self }), 'creating');
  assert.equal(status({ pid: 0, startTime: '0', creator: dead }), 'stopped');
  assert.equal(status({ creator: dead }), 'creating');
  makeStartPipes(directory);
  assert.equal(status({}), 'created');
  assert.equal(claimStart(directory), true);
  assert.equal(claimStart(directory), false);
  assert.equal(status({}), 'running');
  assert.equal(signalStart(directory), 'gone');
  removeDirectory(root, 'status');
});
