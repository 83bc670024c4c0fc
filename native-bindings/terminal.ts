/** Size and mode of a terminal: ioctl_tty(2), termios(3). */
import { SystemError, libcFunction, systemCall } from './libc.ts';

const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;

const TCSADRAIN = 1;
/** Room for struct termios (60 bytes), with a margin. */
const TERMIOS_SIZE = 256;

const ioctl = systemCall<[fd: number, request: number, type: 'void *', size: Buffer]>(
  'int ioctl(int fd, ulong request, ...)',
);

const tcgetattr = systemCall<[fd: number, mode: Buffer]>('int tcgetattr(int fd, void *mode)');
const tcsetattr = systemCall<[fd: number, when: number, mode: Buffer]>(
  'int tcsetattr(int fd, int when, const void *mode)',
);
const cfmakeraw = libcFunction<[mode: Buffer], undefined>('void cfmakeraw(void *mode)');

/** struct winsize: four 16-bit numbers, of which two count. */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** Undefined: no terminal. */
export function windowSize(fd: number): WindowSize | undefined {
  const size = Buffer.alloc(8);
  try {
    ioctl(fd, TIOCGWINSZ, 'void *', size);
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
  return { rows: size.readUInt16LE(0), columns: size.readUInt16LE(2) };
}

/** Throws SystemError. */
export function setWindowSize(fd: number, { rows, columns }: WindowSize): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  ioctl(fd, TIOCSWINSZ, 'void *', size);
}

/**
 * Every byte passes as it is, in both directions (Node's raw mode would still turn a newline into two characters).
 * Returns what gives the terminal its mode back; undefined: `fd` is none. Throws SystemError.
 */
export function makeRaw(fd: number): (() => void) | undefined {
  const before = Buffer.alloc(TERMIOS_SIZE);
  try {
    tcgetattr(fd, before);
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
  const raw = Buffer.from(before);
  cfmakeraw(raw);
  tcsetattr(fd, TCSADRAIN, raw);
  return () => {
    tcsetattr(fd, TCSADRAIN, before);
  };
}
