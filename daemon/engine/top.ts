/** The processes of a container, as ps(1) shows them. */
import type { Top } from '../../shared/api/container.ts';
import { type ColumnName, processRows, titlesOf } from '../runtime/process-table.ts';
import { PsOptionError, columnsOf } from '../runtime/ps-options.ts';
import type { Context } from './context.ts';
import { EngineError } from './errors.ts';
import { processesOf } from './freezer.ts';
import { runOf } from './kill.ts';

/**
 * @param options - those of ps(1), with blanks between them; default -ef
 * @throws EngineError `invalid_field` for options that are not known here
 */
export async function top(context: Context, ref: string, options = ''): Promise<Top> {
  const columns = columnsAsked(options);
  const container = context.containers.find(ref);
  return container.turn.run(() => {
    runOf(container, 'top');
    const processes = processRows(processesOf(context, container), columns);
    context.journal.commit(() => undefined, { action: 'top', container: container.row });
    return { titles: titlesOf(columns), processes };
  });
}

function columnsAsked(options: string): readonly ColumnName[] {
  try {
    return columnsOf(options.split(' ').filter((option) => option !== ''));
  } catch (error) {
    if (!(error instanceof PsOptionError)) throw error;
    throw new EngineError('invalid_field', `options: ${error.message}`, {
      field: 'options',
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
