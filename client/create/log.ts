/** --log-driver and --log-opt. */
import type { CreateRequest } from '../../shared/api/container.ts';
import type { LogDriver } from '../../shared/api/logs.ts';
import type { Arguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';

/** As the API has them, whose schemas are not to be loaded here. */
export const LOG_DRIVERS = ['cri', 'json-file', 'none'] as const satisfies readonly LogDriver[];

/** undefined: nothing was said. Throws UsageError for drivers and options that there are not. */
export function logOf(input: Arguments): CreateRequest['log'] {
  const driver = input.string('log-driver');
  const words = input.list('log-opt');
  if (driver === undefined && words.length === 0) return undefined;
  const log: NonNullable<CreateRequest['log']> = {};
  if (driver !== undefined) log.driver = driverOf(driver);
  for (const word of words) {
    const [, key = '', value = ''] = /^([^=]+)=(.+)$/s.exec(word) ?? [];
    if (key === 'max-size') log.maxSize = value;
    else if (key === 'max-file' && /^\d{1,4}$/.test(value)) log.maxFiles = Number(value);
    else
      throw new UsageError(`--log-opt "${word}" is not supported`, {
        hint: 'there are max-size=BYTES and max-file=NUMBER',
      });
  }
  return log;
}

function driverOf(name: string): LogDriver {
  const driver = LOG_DRIVERS.find((known) => known === name);
  if (driver !== undefined) return driver;
  throw new UsageError(`--log-driver "${name}" is not supported`, { hint: `there are ${LOG_DRIVERS.join(', ')}` });
}
