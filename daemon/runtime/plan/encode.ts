import { RecordWriter } from '../../../shared/wire/fields.ts';
import { lowered } from './calls.ts';
import { OPERATIONS, PLAN_MAGIC, PLAN_VERSION, type Plan } from './operations.ts';

/** Of a container with the default profile, of which most is its filter. */
const USUAL_BYTES = 16 * 1024;

/**
 * The plan in binary, little-endian, as native-bindings/shim/plan.c reads it:
 *
 *     u32 PLAN_MAGIC    u32 PLAN_VERSION    u32 count of operations
 *     then for each:    u16 code    u16 zero    u32 length of the record    record (shared/wire/fields.ts)
 *
 * Those that are one system call are written as that, see calls.ts.
 * Throws UnencodableValue, naming `operation.field`, for a value that does not fit its field.
 */
export function encodePlan(plan: Plan): Buffer {
  const writer = new RecordWriter(USUAL_BYTES);
  writer.u32(PLAN_MAGIC);
  writer.u32(PLAN_VERSION);
  writer.u32(plan.length);
  for (const operation of plan.map(lowered)) {
    const { code, fields } = OPERATIONS[operation.op];
    writer.u16(code);
    writer.u16(0);
    const lengthAt = writer.length;
    writer.u32(0);
    writer.record(fields, operation, operation.op);
    writer.patchU32(lengthAt, writer.length - lengthAt - 4);
  }
  return writer.take();
}
