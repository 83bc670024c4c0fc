import { stringifyJson } from '../../daemon/runtime/spec/json.ts';
import type { Command } from '../command.ts';
import { readRecord, type ContainerRecord } from '../container/state.ts';
import { statusOf, type Status } from '../container/status.ts';

/** What `state` prints: runtime.md "State", and what runc adds to it. No pid of a process that has ended. */
export function stateOf(record: ContainerRecord, status: Status) {
  const { ociVersion, id, pid, bundle, rootfs, created, annotations, owner } = record;
  return { ociVersion, id, pid: status === 'stopped' ? 0 : pid, status, bundle, rootfs, created, annotations, owner };
}

export const state: Command = {
  name: 'state',
  usage: 'CONTAINER',
  summary: 'Print the state of a container as JSON',
  flags: [],
  operands: { min: 1, max: 1 },
  interspersed: true,
  run(input, { root, runtime, print }) {
    const record = readRecord(root, input.operands[0] ?? '');
    print(`${stringifyJson(stateOf(record, statusOf(root, record, runtime.cgroups)), 2)}\n`);
    return 0;
  },
};
