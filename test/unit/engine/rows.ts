/** Rows for tests. */
import { randomBytes } from 'node:crypto';
import type { ContainerRow, Documents } from '../../../daemon/registry/containers.ts';
import type { NetworkRow } from '../../../daemon/registry/networks.ts';

export function identifier(): string {
  return randomBytes(32).toString('hex');
}

export function containerRow(given: Partial<ContainerRow>): ContainerRow {
  const id = given.id ?? identifier();
  return {
    id,
    name: `name-${id.slice(0, 12)}`,
    status: 'created',
    intent: null,
    rootfs: '/rootfs',
    command: ['true'],
    labels: {},
    limits: {},
    tty: false,
    stdin: false,
    autoRemove: false,
    stopSignal: 'SIGTERM',
    stopTimeout: 10,
    logMaxBytes: 0,
    logMaxFiles: 1,
    createdAt: '2026-01-01T00:00:00.000000000Z',
    startedAt: null,
    pid: null,
    processStarted: null,
    bootId: null,
    exit: null,
    failure: null,
    poststop: null,
    network: { mode: 'none', publish: [] },
    restart: { name: 'no' },
    restartCount: 0,
    stoppedByUser: false,
    healthcheck: null,
    health: null,
    logDriver: 'cri',
    cgroupParent: null,
    ...given,
  };
}

export const documents: Documents = {
  request: '{"rootfs":"/rootfs"}',
  spec: '{"ociVersion":"1.3.0","x":18446744073709551615}',
  root: '{"kind":"bind","source":"/rootfs"}',
  bundle: '/rootfs',
  docker: null,
};

export function networkRow(given: Partial<NetworkRow>): NetworkRow {
  const id = given.id ?? identifier();
  return {
    id,
    name: `network-${id.slice(0, 12)}`,
    bridge: `br-${id.slice(0, 12)}`,
    internal: false,
    interContainer: true,
    mtu: 1500,
    labels: {},
    createdAt: '2026-01-01T00:00:00.000000000Z',
    subnets: [
      { family: 4, subnet: '10.1.2.0/24', gateway: '10.1.2.1', range: undefined },
      { family: 6, subnet: 'fd00::/64', gateway: 'fd00::1', range: 'fd00::/112' },
    ],
    ...given,
  };
}
