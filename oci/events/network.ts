/** The network interfaces of a container as its own namespace counts them: /proc/PID/net/dev, proc_pid_net(5). */
import { readFileSync } from 'node:fs';

/** Named as runc's JSON names them. */
export interface NetworkInterface {
  readonly Name: string;
  readonly RxBytes: number;
  readonly RxPackets: number;
  readonly RxErrors: number;
  readonly RxDropped: number;
  readonly TxBytes: number;
  readonly TxPackets: number;
  readonly TxErrors: number;
  readonly TxDropped: number;
}

/** Loopback is not counted. Empty for a process that has ended. */
export function networkInterfaces(pid: number): NetworkInterface[] {
  try {
    return parseInterfaces(readFileSync(`/proc/${String(pid)}/net/dev`, 'utf8'));
  } catch {
    return [];
  }
}

/** Two lines of heads, then "  eth0: bytes packets errs drop fifo frame compressed multicast bytes packets …". */
export function parseInterfaces(text: string): NetworkInterface[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [, Name, rest = ''] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
      if (Name === undefined || Name === 'lo') return [];
      const at = rest.split(/\s+/).map(Number);
      const value = (index: number): number => at[index] ?? 0;
      return [
        {
          Name,
          RxBytes: value(0),
          RxPackets: value(1),
          RxErrors: value(2),
          RxDropped: value(3),
          TxBytes: value(8),
          TxPackets: value(9),
          TxErrors: value(10),
          TxDropped: value(11),
        },
      ];
    });
}
