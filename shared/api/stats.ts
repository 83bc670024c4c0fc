/** What a container uses. What this host does not count is absent, never 0. */
import { Type, type Static } from '@sinclair/typebox';
import { Timestamp, closed } from './common.ts';

const Count = Type.Optional(Type.Integer());

export const InterfaceStats = Type.Object({
  rxBytes: Type.Integer(),
  rxPackets: Type.Integer(),
  rxErrors: Type.Integer(),
  rxDropped: Type.Integer(),
  txBytes: Type.Integer(),
  txPackets: Type.Integer(),
  txErrors: Type.Integer(),
  txDropped: Type.Integer(),
});
export type InterfaceStats = Static<typeof InterfaceStats>;

export const Stats = Type.Object({
  id: Type.String(),
  name: Type.String(),
  at: Timestamp,
  /** Whether it runs; all that follows is absent where it does not. */
  running: Type.Boolean(),
  cpu: Type.Optional(
    Type.Object({
      /** Nanoseconds, since its start. */
      usage: Count,
      user: Count,
      kernel: Count,
      /** cgroup v1 only. */
      perCpu: Type.Optional(Type.Array(Type.Integer())),
      /** Of all CPUs of the host and all that runs there, nanoseconds since its boot. */
      hostUsage: Type.Integer(),
      onlineCpus: Type.Integer(),
      periods: Count,
      throttledPeriods: Count,
      throttledNanoseconds: Count,
    }),
  ),
  /** Bytes. */
  memory: Type.Optional(
    Type.Object({
      usage: Count,
      peak: Count,
      /** Its own, or all memory of the host. */
      limit: Type.Integer(),
      swap: Count,
      /** Of `usage`, cache that could go at once. */
      inactiveFile: Count,
      /** memory.stat by its own names, which are not the same on cgroup v1 and v2. */
      details: Type.Optional(Type.Record(Type.String(), Type.Integer())),
    }),
  ),
  pids: Type.Optional(Type.Object({ current: Count, limit: Count })),
  io: Type.Optional(
    Type.Object({
      /** By device, bytes since its start. */
      devices: Type.Array(
        Type.Object({
          major: Type.Integer(),
          minor: Type.Integer(),
          readBytes: Type.Integer(),
          writeBytes: Type.Integer(),
        }),
      ),
    }),
  ),
  /** By interface, but lo; absent where its network is that of others. */
  networks: Type.Optional(Type.Record(Type.String(), InterfaceStats)),
  oomKills: Count,
});
export type Stats = Static<typeof Stats>;

export const StatsQuery = closed({
  stream: Type.Optional(Type.Boolean({ description: 'one each second, until it is removed (default: one)' })),
});
export type StatsQuery = Static<typeof StatsQuery>;
