/**
 * poststop hooks: run when nothing is left of a run, or of a start that failed. That they are owed is recorded with the
 * intent to start, and how far they have come before each is begun: so none is passed over, and none is run twice.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { hooksOf, runHooks } from '../../runtime/hooks/hooks.ts';
import { STATUS_AT, type HookState } from '../../runtime/hooks/state.ts';
import type { Spec } from '../../runtime/spec/types.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { documentsOf } from '../inspect.ts';
import { specOf } from '../launch-plan.ts';
import { hostHook } from './host-hook.ts';
import { endLeftHook } from './left-hook.ts';

/** What is recorded with the intent to start. */
export function owedPoststop(spec: Spec | undefined): 0 | null {
  return hooksOf(spec?.hooks, 'poststop').length > 0 ? 0 : null;
}

/**
 * Resolves when what is owed is done, which is at once where nothing is; it waits for the last of the run to go. What
 * goes wrong is told to the log. Asked again while it is under way it is the same.
 */
export function settlePoststop(context: Context, container: Container): Promise<void> {
  if (container.row.poststop === null) return Promise.resolve();
  container.poststop ??= poststop(context, container).finally(() => {
    container.poststop = undefined;
  });
  return container.poststop;
}

async function poststop(context: Context, container: Container): Promise<void> {
  const about = { container: container.id };
  try {
    await container.gone;
    await endLeftHook(context, container);
    await runOwed(context, container);
  } catch (error) {
    // what is still owed is left to the next daemon
    if (error instanceof EngineError && error.code === 'shutting_down') return;
    context.log.error({ err: error, ...about }, 'the poststop hooks could not be run');
  }
}

async function runOwed(context: Context, container: Container): Promise<void> {
  const spec = specOf(context, container);
  const state: HookState = {
    id: container.id,
    status: STATUS_AT.poststop,
    bundle: hookBundle(context, container),
    annotations: spec.annotations,
  };
  const run = {
    ociVersion: spec.ociVersion,
    hooks: spec.hooks,
    run: (hook: Parameters<typeof hostHook>[2], index: number) => {
      if (context.closing.signal.aborted) throw new EngineError('shutting_down', 'the daemon is shutting down');
      record(context, container, index + 1);
      return hostHook(context, container, hook, { kind: 'poststop', state });
    },
    warn: (error: Error) => {
      context.log.warn({ err: error, container: container.id }, `ignoring that a hook failed: ${error.message}`);
    },
  };
  await runHooks('poststop', run, container.row.poststop ?? 0);
  record(context, container, null);
}

function record(context: Context, container: Container, next: number | null): void {
  context.journal.commitEnd((registry) => {
    registry.containers.setPoststop(container.id, next);
  });
  container.change({ poststop: next });
}

/** Before any hook: a container that was made of a request has no bundle, so its spec is written down for them. */
export function prepareBundle(context: Context, container: Container): void {
  const { request, spec } = documentsOf(context, container);
  if ((JSON.parse(request) as { bundle?: string }).bundle !== undefined) return;
  writeFileSync(context.places.config(container.id), spec, { mode: 0o600 });
}

/** Where hooks find a config.json: in the bundle, or with us. */
export function hookBundle(context: Context, container: Container): string {
  const { places } = context;
  if (existsSync(places.config(container.id))) return places.container(container.id);
  return documentsOf(context, container).bundle;
}
