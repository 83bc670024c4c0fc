import { MalformedRecord, RecordReader } from '../../../shared/wire/fields.ts';
import { WIRE_OPERATIONS, raised } from './calls.ts';
import { OPERATIONS, PLAN_MAGIC, PLAN_VERSION, type Operation, type OperationName } from './operations.ts';

const NAME_OF_CODE: ReadonlyMap<number, OperationName> = new Map(
  WIRE_OPERATIONS.map((name) => [OPERATIONS[name].code, name]),
);

/**
 * The operations of a plan that encodePlan wrote. Integers come back as numbers, as bigints beyond 2^53.
 * Throws MalformedRecord where `bytes` is not a plan of this version.
 */
export function decodePlan(bytes: Uint8Array): Operation[] {
  const reader = new RecordReader(bytes);
  if (reader.u32() !== PLAN_MAGIC) throw new MalformedRecord('not a launch plan');
  const version = reader.u32();
  if (version !== PLAN_VERSION) {
    throw new MalformedRecord(`plan version ${String(PLAN_VERSION)} expected, ${String(version)} found`);
  }
  const count = reader.u32();
  const operations: Operation[] = [];
  for (let index = 0; index < count; index++) operations.push(decodeOperation(reader, index));
  reader.end();
  return operations;
}

function decodeOperation(reader: RecordReader, index: number): Operation {
  const code = reader.u16();
  const name = NAME_OF_CODE.get(code);
  if (name === undefined || reader.u16() !== 0) {
    throw new MalformedRecord(`operation ${String(index)}: unknown code ${String(code)}`);
  }
  const record = new RecordReader(reader.bytes());
  const values = record.record(OPERATIONS[name].fields);
  record.end();
  return raised({ op: name, ...values } as Operation);
}
