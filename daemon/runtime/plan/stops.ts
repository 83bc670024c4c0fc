/** Where init has to stop on its way, so that somebody outside can act on a container that is half made. */
import type { Spec } from '../spec/types.ts';
import type { Stops } from './target.ts';

/** The stops without which hooks or network devices of `spec` would be passed over. */
export function stopsOf({ hooks = {}, linux }: Spec): Stops {
  const runtime = (hooks.prestart?.length ?? 0) + (hooks.createRuntime?.length ?? 0) > 0;
  return {
    runtime: runtime || Object.keys(linux?.netDevices ?? {}).length > 0,
    container: (hooks.createContainer?.length ?? 0) > 0,
  };
}
