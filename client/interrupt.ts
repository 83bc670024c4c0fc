/** What has to be put right before a signal ends us: a file half written, a cursor in the middle of the screen. */

type Undo = () => void;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const undos = new Set<Undo>();

/**
 * `undo` runs when the user interrupts us; then the signal ends us as it would have, so a shell sees what happened. The
 * daemon sees our connections end and gives up what it did for us. The returned function takes it back.
 */
export function onInterrupt(undo: Undo): () => void {
  if (undos.size === 0) for (const signal of SIGNALS) process.on(signal, interrupted);
  undos.add(undo);
  return () => {
    undos.delete(undo);
    if (undos.size === 0) for (const signal of SIGNALS) process.off(signal, interrupted);
  };
}

function interrupted(signal: NodeJS.Signals): void {
  for (const undo of undos) undo();
  undos.clear();
  for (const each of SIGNALS) process.off(each, interrupted);
  process.kill(process.pid, signal);
}
