/** Seccomp filters for tests, written out: x86-64 only. */

/** BPF_STMT and BPF_JUMP of linux/filter.h. */
function filter(...instructions: [code: number, jt: number, jf: number, k: number][]): Buffer {
  return Buffer.concat(
    instructions.map(([code, jt, jf, k]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16LE(code, 0);
      bytes.writeUInt8(jt, 2);
      bytes.writeUInt8(jf, 3);
      bytes.writeUInt32LE(k, 4);
      return bytes;
    }),
  );
}

const ALLOW = 0x7fff_0000;
export const VERDICT = { kill: 0x8000_0000, eperm: 0x0005_0001, notify: 0x7fc0_0000 } as const;

/** Everything allowed but one system call (number on x86-64), which gives `verdict`. */
export function allBut(number: number, verdict: number): Buffer {
  return filter([0x20, 0, 0, 0], [0x15, 0, 1, number], [0x06, 0, 0, verdict], [0x06, 0, 0, ALLOW]);
}

/** Nothing but what is listed; the rest kills. */
export function only(...numbers: number[]): Buffer {
  const count = numbers.length;
  return filter(
    [0x20, 0, 0, 0],
    ...numbers.map((number, index): [number, number, number, number] => [0x15, count - index, 0, number]),
    [0x06, 0, 0, VERDICT.kill],
    [0x06, 0, 0, ALLOW],
  );
}
