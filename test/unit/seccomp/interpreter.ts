/** Classic BPF as the kernel runs it on struct seccomp_data (Documentation/networking/filter.rst), and no more. */

export interface Call {
  readonly number: number;
  /** AUDIT_ARCH_*. */
  readonly audit: number;
  /** Six unsigned 64-bit values. */
  readonly args: readonly bigint[];
}

function seccompWords(call: Call): Map<number, number> {
  const words = new Map<number, number>([
    [0, call.number],
    [4, call.audit],
  ]);
  for (const [index, value] of call.args.entries()) {
    words.set(16 + index * 8, Number(value & 0xffff_ffffn));
    words.set(20 + index * 8, Number(value >> 32n));
  }
  return words;
}

const LOAD = 0x20;
const JUMP = 0x05;
const JUMP_EQ = 0x15;
const JUMP_GT = 0x25;
const JUMP_GE = 0x35;
const AND = 0x54;
const RETURN = 0x06;

/** The filter's return value for `call`. Throws for what the kernel's verifier would refuse. */
export function runFilter(filter: Uint8Array, call: Call): number {
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const words = seccompWords(call);
  const length = filter.length / 8;
  let accumulator = 0;
  for (let at = 0; at < length; at += 1) {
    const code = view.getUint16(at * 8, true);
    const [jt, jf] = [view.getUint8(at * 8 + 2), view.getUint8(at * 8 + 3)];
    const k = view.getUint32(at * 8 + 4, true);
    const test = (passed: boolean): void => {
      at += passed ? jt : jf;
    };
    switch (code) {
      case LOAD: {
        const word = words.get(k);
        if (word === undefined) throw new Error(`instruction ${String(at)} loads offset ${String(k)}`);
        accumulator = word;
        break;
      }
      case JUMP:
        at += k;
        break;
      case JUMP_EQ:
        test(accumulator === k);
        break;
      case JUMP_GT:
        test(accumulator > k);
        break;
      case JUMP_GE:
        test(accumulator >= k);
        break;
      case AND:
        accumulator = (accumulator & k) >>> 0;
        break;
      case RETURN:
        return k;
      default:
        throw new Error(`instruction ${String(at)} has code ${String(code)}`);
    }
  }
  throw new Error('the program runs over its end');
}
