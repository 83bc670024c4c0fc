/** The container that a path names, as a list has it: inspecting it would cost a look into the registry. */
import type { ContainerSummary } from '../../../shared/api/container.ts';
import type { Engine } from '../../api/engine.ts';

/** Throws EngineError `container_not_found`, `ambiguous_reference`. */
export function findContainer(engine: Engine, ref: string): ContainerSummary {
  const id = engine.identify(ref);
  const [found] = id === undefined ? [] : engine.list({ all: true, id });
  // whatever is wrong with it, inspecting says it
  return found ?? engine.inspect(ref);
}
