/** What the kernel says of networks, as an error of the engine. */
import { SystemError } from '../../../native-bindings/libc.ts';
import { PortTakenError } from '../../network/firewall/conflict.ts';
import { EngineError } from '../errors.ts';

/** The names of errors by which the network's rooms tell that the kernel refused. */
const REFUSALS = new Set(['NetlinkError', 'TransactionError', 'NotABridge', 'EndpointError', 'SettingError']);

/** `cannot`: begins the sentence. Anything that nobody foresaw stays what it is. */
export function hostError(error: unknown, cannot: string): unknown {
  if (!(error instanceof Error) || error instanceof EngineError) return error;
  if (error instanceof PortTakenError) return new EngineError('port_taken', error.message, { cause: error });
  const isRefusal = error instanceof SystemError || REFUSALS.has(error.name) || 'syscall' in error;
  return isRefusal ? new EngineError('kernel_refused', `${cannot}: ${error.message}`, { cause: error }) : error;
}
