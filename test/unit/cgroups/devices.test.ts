import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deviceProgram } from '../../../daemon/runtime/cgroups/bpf-devices.ts';
import {
  deviceWritesV1,
  resolveDeviceRules,
  withDefaultDeviceRules,
} from '../../../daemon/runtime/cgroups/device-rules.ts';
import { SpecError } from '../../../daemon/runtime/spec/error.ts';
import type { DeviceRule } from '../../../daemon/runtime/spec/types.ts';

interface Request {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** Bits: mknod 1, read 2, write 4. */
  readonly access: number;
}

const BITS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

/** Every bit that is asked for is decided by the last rule that names it; what no rule names is denied. */
function evaluate(rules: readonly DeviceRule[], request: Request): boolean {
  return [1, 2, 4].every((bit) => {
    if ((request.access & bit) === 0) return true;
    const last = rules.findLast(({ type = 'a', major, minor, access = 'rwm' }) => {
      const sameType = type === 'a' || type === request.type;
      const sameNumbers = (major ?? request.major) === request.major && (minor ?? request.minor) === request.minor;
      return sameType && sameNumbers && Array.from(access).some((letter) => BITS[letter] === bit);
    });
    return last?.allow ?? false;
  });
}

/** As much of eBPF as the program uses, in 32 bits. Throws for what the verifier would refuse. */
function runProgram(program: Uint8Array, request: Request): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const context = [(request.access << 16) | (request.type === 'b' ? 1 : 2), request.major, request.minor];
  const registers = new Map<number, number>([[1, NaN]]);
  const read = (register: number): number => {
    const value = registers.get(register);
    if (value === undefined) throw new Error(`register ${String(register)} is read before it is written`);
    return value;
  };
  for (let at = 0; at < program.length / 8; at += 1) {
    const code = view.getUint8(at * 8);
    const dst = view.getUint8(at * 8 + 1) & 15;
    const src = view.getUint8(at * 8 + 1) >> 4;
    const off = view.getInt16(at * 8 + 2, true);
    const imm = view.getInt32(at * 8 + 4, true) >>> 0;
    if (code === 0x61 && src === 1) registers.set(dst, context[off / 4] ?? NaN);
    else if (code === 0xb4) registers.set(dst, imm);
    else if (code === 0xbc) registers.set(dst, read(src));
    else if (code === 0x54) registers.set(dst, (read(dst) & imm) >>> 0);
    else if (code === 0x74) registers.set(dst, read(dst) >>> imm);
    else if (code === 0x16) at += read(dst) === imm ? off : 0;
    else if (code === 0x56) at += read(dst) !== imm ? off : 0;
    else if (code === 0x95) return read(0);
    else throw new Error(`instruction ${String(at)} has code ${String(code)}`);
  }
  throw new Error('the program runs over its end');
}

/** A v1 group as devices.rst describes it: one default, and exceptions from it. */
function replayV1(writes: readonly { file: string; value: string }[], request: Request): boolean {
  let allowed = true;
  let exceptions: string[] = [];
  for (const { file, value } of writes) {
    if (value === 'a') {
      allowed = file === 'devices.allow';
      exceptions = [];
    } else {
      assert.equal(file, allowed ? 'devices.deny' : 'devices.allow', 'only exceptions from the default are written');
      exceptions.push(value);
    }
  }
  // In a group that denies, one exception must cover the whole request (devcgroup's match_exception), so the
  // bits of one device are put together first.
  const excepted = [1, 2, 4].filter((bit) =>
    exceptions.some((text) => {
      const [type, numbers = '', letters = ''] = text.split(' ');
      const [major, minor] = numbers.split(':');
      const same = (given: string | undefined, wanted: number): boolean => given === '*' || given === String(wanted);
      const device = type === request.type && same(major, request.major) && same(minor, request.minor);
      return device && Array.from(letters).some((letter) => BITS[letter] === bit);
    }),
  );
  const bits = [1, 2, 4].filter((bit) => (request.access & bit) !== 0);
  return allowed ? !bits.some((bit) => excepted.includes(bit)) : bits.every((bit) => excepted.includes(bit));
}

const small = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
const rule: fc.Arbitrary<DeviceRule> = fc
  .record({
    allow: fc.boolean(),
    type: fc.constantFrom('a', 'b', 'c'),
    major: small,
    minor: small,
    access: fc.constantFrom('r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm'),
  })
  .map(({ major, minor, ...rest }) => ({
    ...rest,
    ...(major === undefined ? {} : { major }),
    ...(minor === undefined ? {} : { minor }),
  }));
const rules = fc.array(rule, { maxLength: 8 });

function* requests(): Generator<Request> {
  for (const type of ['b', 'c'] as const) {
    for (let major = 0; major < 5; major += 1) {
      for (let minor = 0; minor < 5; minor += 1) {
        for (let access = 1; access < 8; access += 1) yield { type, major, minor, access };
      }
    }
  }
}

void test('the eBPF program answers as the rules do', () => {
  fc.assert(
    fc.property(rules, (list) => {
      const program = deviceProgram(resolveDeviceRules(list));
      for (const request of requests()) {
        assert.equal(runProgram(program, request) === 1, evaluate(list, request), JSON.stringify(request));
      }
    }),
    { numRuns: 150 },
  );
});

void test('what is written to a v1 group answers as the rules do, or the list is refused', () => {
  let accepted = 0;
  fc.assert(
    fc.property(rules, (list) => {
      const whole: DeviceRule[] = [{ allow: false }, ...list];
      let writes;
      try {
        writes = deviceWritesV1(resolveDeviceRules(whole));
      } catch (error) {
        assert.ok(error instanceof SpecError && error.kind === 'unsupported');
        return;
      }
      accepted += 1;
      for (const request of requests()) {
        assert.equal(replayV1(writes, request), evaluate(whole, request), JSON.stringify(request));
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(accepted > 30);
});

void test('the default rules', () => {
  const list = withDefaultDeviceRules();
  const ask = (type: 'b' | 'c', major: number, minor: number, access: number): boolean =>
    evaluate(list, { type, major, minor, access });
  for (const [major, minor] of [
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
    [5, 2],
    [136, 77],
  ] as const) {
    assert.ok(ask('c', major, minor, 7));
  }
  assert.ok(ask('b', 8, 0, 1), 'mknod of anything');
  assert.ok(!ask('b', 8, 0, 2), 'but not to read it');
  assert.ok(!ask('c', 1, 1, 2), '/dev/mem');
  assert.ok(!ask('c', 10, 200, 6));
  const own: DeviceRule[] = [{ allow: false }, { allow: true, type: 'c', major: 10, minor: 200, access: 'rw' }];
  assert.ok(evaluate(withDefaultDeviceRules(own), { type: 'c', major: 10, minor: 200, access: 6 }));
  assert.ok(evaluate(withDefaultDeviceRules(own), { type: 'c', major: 1, minor: 3, access: 6 }));
  assert.deepEqual(deviceWritesV1(resolveDeviceRules(withDefaultDeviceRules([{ allow: true }])))[0], {
    file: 'devices.allow',
    value: 'a',
  });
});

void test('a rule that makes no sense is refused by its field', () => {
  const refused = (given: Partial<DeviceRule>, field: string): void => {
    assert.throws(
      () => resolveDeviceRules([{ allow: true, ...given }]),
      (error) => error instanceof SpecError && error.field === `linux.resources.devices[0].${field}`,
    );
  };
  refused({ type: 'x' }, 'type');
  refused({ access: 'rwx' }, 'access');
  refused({ major: -2 }, 'major');
  refused({ minor: 2n ** 32n }, 'minor');
});
