/** Gives a container another name. */
import { NAME_PATTERN } from '../../shared/api/common.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { advance } from './lifecycle.ts';

const NAME = new RegExp(NAME_PATTERN);

export async function rename(context: Context, ref: string, name: string): Promise<void> {
  checkName(name);
  const container = context.containers.find(ref);
  await container.turn.run(() => {
    const former = container.name;
    advance(container.row.status, 'rename', former);
    if (name === former) return;
    context.containers.checkName(name);
    context.journal.commit(
      (registry) => {
        registry.containers.rename(container.id, name);
      },
      { action: 'rename', container: { ...container.row, name }, detail: former },
    );
    container.change({ name });
    context.containers.renamed(container, former);
    context.network.names.rename(container.id, name);
  });
}

/** Also for those who do not come through the API's schema. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new EngineError(
    'invalid_field',
    `name: "${name.slice(0, 140)}" is not a name of letters, digits, "_", "." and "-"`,
    {
      field: 'name',
    },
  );
}
