/** How a container's log is kept. */
import type { CreateRequest } from '../../shared/api/container.ts';
import type { ContainerRow } from '../registry/containers.ts';
import { EngineError } from './errors.ts';
import { bytesOf } from './limits.ts';
import { DEFAULT_LOG_MAX_BYTES, DEFAULT_LOG_MAX_FILES } from './settings.ts';

/** Throws EngineError invalid_field. */
export function logOptions(
  log: CreateRequest['log'] = {},
): Pick<ContainerRow, 'logDriver' | 'logMaxBytes' | 'logMaxFiles'> {
  const { driver = 'cri', maxSize, maxFiles } = log;
  if (driver === 'none') {
    if (maxSize !== undefined) throw unused('log.maxSize');
    if (maxFiles !== undefined) throw unused('log.maxFiles');
  }
  return {
    logDriver: driver,
    logMaxBytes: bytesOf(maxSize, 'log.maxSize') ?? DEFAULT_LOG_MAX_BYTES,
    logMaxFiles: maxFiles ?? DEFAULT_LOG_MAX_FILES,
  };
}

function unused(field: string): EngineError {
  return new EngineError('invalid_field', `${field}: the log driver none keeps nothing`, { field });
}
