/** Signals by name and number, signal(7); the numbers are those of x86, arm and most others. */

export const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const;

export type SignalName = keyof typeof SIGNALS;

const ALIASES: Readonly<Record<string, number>> = { SIGIOT: 6, SIGCLD: 17, SIGPOLL: 29, SIGUNUSED: 31 };

/** As the C libraries count them: the kernel's 32 and 33 are theirs. */
const RTMIN = 34;
const RTMAX = 64;

/** The number (1–64) that "TERM", "SIGTERM", "15", "RTMIN+3" or "SIGRTMAX-1" means, in any case; undefined if none. */
export function parseSignal(text: string): number | undefined {
  if (/^[0-9]{1,2}$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= RTMAX ? number : undefined;
  }
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (Object.hasOwn(SIGNALS, name)) return SIGNALS[name as SignalName];
  if (Object.hasOwn(ALIASES, name)) return ALIASES[name];
  const realtime = /^SIGRT(?:MIN(?:\+(?<up>[0-9]{1,2}))?|MAX(?:-(?<down>[0-9]{1,2}))?)$/.exec(name);
  if (realtime === null) return undefined;
  const { up, down } = realtime.groups ?? {};
  const number = name.startsWith('SIGRTMIN') ? RTMIN + Number(up ?? 0) : RTMAX - Number(down ?? 0);
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

/** "SIGTERM" for 15, "SIGRTMIN+3" for 37; the number as text where it has no name. */
export function signalName(number: number): string {
  for (const [name, value] of Object.entries(SIGNALS)) if (value === number) return name;
  if (number === RTMIN) return 'SIGRTMIN';
  if (number === RTMAX) return 'SIGRTMAX';
  if (number > RTMIN && number < RTMAX) return `SIGRTMIN+${String(number - RTMIN)}`;
  return String(number);
}
