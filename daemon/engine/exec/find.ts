/** An exec and its container. */
import type { ExecRow } from '../../registry/execs.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';

/** Throws `exec_not_found`. */
export function findExec(context: Context, id: string): { exec: ExecRow; container: Container } {
  const exec = context.registry.execs.get(id);
  const container = exec === undefined ? undefined : context.containers.get(exec.container);
  if (exec !== undefined && container !== undefined) return { exec, container };
  throw new EngineError('exec_not_found', `there is no exec "${id}"`);
}
