/** What restart policies say when a daemon has started and knows how every container is. */
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { followsDaemon } from './policy.ts';

/** Those that ran in another boot of the host: they count anew. Asked before the containers are reconciled. */
export function ranInAnotherBoot({ containers, bootId }: Context): ReadonlySet<string> {
  const there = [...containers].filter(({ row }) => row.bootId !== null && row.bootId !== bootId);
  return new Set(there.map(({ id }) => id));
}

/** Resolves when each was tried: those that join a namespace of another once more after that one, which they need. */
export async function takeUp(context: Context, rebooted: ReadonlySet<string>): Promise<void> {
  context.restarts.begin();
  const isDue = (container: Container): boolean => isDueNow(container, rebooted.has(container.id));
  let due = [...context.containers].filter(isDue);
  for (;;) {
    const early = await tooEarly(context, due, rebooted);
    // then none has come up that another could be waiting for
    if (early.length === 0 || early.length === due.length) return;
    due = early.filter(isDue);
  }
}

async function tooEarly(
  { restarts }: Context,
  due: readonly Container[],
  rebooted: ReadonlySet<string>,
): Promise<Container[]> {
  const tried = await Promise.all(
    due.map((container) => restarts.takeUp(container, rebooted.has(container.id) || container.row.stoppedByUser)),
  );
  return due.filter((_container, index) => tried[index] === 'too_early');
}

function isDueNow({ row, run, nextStart }: Container, isNew: boolean): boolean {
  if (row.status !== 'stopped' || row.startedAt === null || run !== undefined || nextStart !== undefined) return false;
  return row.restart.name !== 'no' && followsDaemon(row.restart, isNew ? { ...row, restartCount: 0 } : row);
}
