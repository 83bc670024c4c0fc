/** Tables of processes as ps(1) makes them, from proc_pid_stat(5), proc_pid_status(5) and proc_pid_cmdline(5). */
import { readFileSync } from 'node:fs';

/** USER_HZ, which is 100 on every architecture Linux runs on that Node does. */
const TICKS_PER_SECOND = 100;

interface Process {
  readonly pid: number;
  /** Field N of proc_pid_stat(5), from the third (the state) on. */
  readonly field: (number: number) => string;
  readonly name: string;
  /** Arguments, a blank between each two; "" for a thread of the kernel. */
  readonly command: string;
  /** Of a line of /proc/PID/status; "?" where it is not there. */
  readonly status: (line: string) => string;
  /** Seconds since it started. */
  readonly age: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly right?: true;
  readonly of: (process: Process) => string;
}

const ticks = (process: Process): number => Number(process.field(14)) + Number(process.field(15));

const UID: Column = { title: 'UID', right: true, of: ({ status }) => status('Uid') };
const GID: Column = { title: 'GID', right: true, of: ({ status }) => status('Gid') };
const SID: Column = { title: 'SID', right: true, of: ({ field }) => field(6) };
const PGID: Column = { title: 'PGID', right: true, of: ({ field }) => field(5) };
const TTY: Column = { title: 'TTY', of: ({ field }) => terminalName(Number(field(7))) };
const CMD: Column = { title: 'CMD', of: ({ command, name }) => (command === '' ? `[${name}]` : command) };
const START: Column = { title: 'STIME', of: ({ now, age }) => startedAt(now - age * 1000, now) };
const TIME: Column = { title: 'TIME', of: (process) => clock(Math.floor(ticks(process) / TICKS_PER_SECOND)) };
const CPU: Column = { title: '%CPU', right: true, of: (process) => share(process).toFixed(1) };
const NICE: Column = { title: 'NI', right: true, of: ({ field }) => field(19) };
const THREADS: Column = { title: 'NLWP', right: true, of: ({ field }) => field(20) };
const STATE: Column = { title: 'S', of: ({ field }) => field(3) };

/** By the names that ps -o knows them by. Sizes are KiB. Users are numbers: names would be those of the host. */
export const COLUMNS = {
  uid: UID,
  user: { ...UID, title: 'USER' },
  gid: GID,
  group: { ...GID, title: 'GROUP' },
  pid: { title: 'PID', right: true, of: ({ pid }) => String(pid) },
  ppid: { title: 'PPID', right: true, of: ({ field }) => field(4) },
  pgid: PGID,
  pgrp: PGID,
  sid: SID,
  c: { title: 'C', right: true, of: (process) => String(Math.min(Math.floor(share(process)), 99)) },
  pcpu: CPU,
  '%cpu': CPU,
  s: STATE,
  state: STATE,
  stat: { title: 'STAT', of: stateWithMarks },
  ni: NICE,
  nice: NICE,
  pri: { title: 'PRI', right: true, of: ({ field }) => field(18) },
  psr: { title: 'PSR', right: true, of: ({ field }) => field(39) },
  nlwp: THREADS,
  thcount: { ...THREADS, title: 'THCNT' },
  vsz: { title: 'VSZ', right: true, of: ({ field }) => String(Math.floor(Number(field(23)) / 1024)) },
  rss: { title: 'RSS', right: true, of: ({ status }) => status('VmRSS').replace('?', '0') },
  stime: START,
  start: { ...START, title: 'START' },
  etime: { title: 'ELAPSED', right: true, of: ({ age }) => clock(Math.floor(age)) },
  etimes: { title: 'ELAPSED', right: true, of: ({ age }) => String(Math.floor(age)) },
  tty: TTY,
  tt: { ...TTY, title: 'TT' },
  time: TIME,
  comm: { title: 'COMMAND', of: ({ name }) => name },
  cmd: CMD,
  args: { ...CMD, title: 'COMMAND' },
  command: { ...CMD, title: 'COMMAND' },
} as const satisfies Record<string, Column>;

export type ColumnName = keyof typeof COLUMNS;

/** What `ps -ef` shows. */
export const FULL_COLUMNS: readonly ColumnName[] = ['uid', 'pid', 'ppid', 'c', 'stime', 'tty', 'time', 'cmd'];

export function isColumn(name: string): name is ColumnName {
  return Object.hasOwn(COLUMNS, name);
}

export function titlesOf(columns: readonly ColumnName[]): string[] {
  return columns.map((name) => COLUMNS[name].title);
}

/** Cells of each of `pids` (of this process's pid namespace) that has not ended meanwhile. */
export function processRows(pids: readonly number[], columns: readonly ColumnName[]): string[][] {
  const now = Date.now();
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  return pids.flatMap((pid) => {
    const process = readProcess(pid, now, uptime);
    return process === undefined ? [] : [columns.map((name) => COLUMNS[name].of(process))];
  });
}

/** undefined: it has ended. */
function readProcess(pid: number, now: number, uptime: number): Process | undefined {
  const status = readProc(pid, 'status');
  const stat = readProc(pid, 'stat');
  const command = readProc(pid, 'cmdline');
  if (status === undefined || stat === undefined || command === undefined) return undefined;
  // the name in parentheses may contain anything; the fields that follow it are a letter and numbers
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): string => fields[number - 3] ?? '?';
  return {
    pid,
    field,
    name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
    command: command.replaceAll('\0', ' ').trimEnd(),
    status: (line) => new RegExp(`^${line}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '?',
    age: Math.max(uptime - Number(field(22)) / TICKS_PER_SECOND, 0),
    now,
  };
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** Per cent of one processor since it started. */
function share(process: Process): number {
  return process.age === 0 ? 0 : (100 * ticks(process)) / TICKS_PER_SECOND / process.age;
}

/** "Ss+": the state; "<" or "N" for niceness, "s" a session's leader, "l" with threads, "+" in the foreground. */
function stateWithMarks({ field, pid }: Process): string {
  const nice = Number(field(19));
  return [
    field(3),
    nice < 0 ? '<' : nice > 0 ? 'N' : '',
    field(6) === String(pid) ? 's' : '',
    Number(field(20)) > 1 ? 'l' : '',
    field(8) === field(5) ? '+' : '',
  ].join('');
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

function clock(seconds: number): string {
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(twoDigits).join(':');
}

/** "14:05" for today's, "2026-03-01" before. */
function startedAt(at: number, now: number): string {
  const date = new Date(at);
  if (now - at >= 86_400_000) return date.toISOString().slice(0, 10);
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
}

/** tty_nr: minor in bits 31–20 and 7–0, major in 15–8; 136 to 143 are pts. */
function terminalName(device: number): string {
  if (device === 0) return '?';
  const major = (device >> 8) & 0xff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return major >= 136 && major <= 143
    ? `pts/${String((major - 136) * 256 + minor)}`
    : `${String(major)}:${String(minor)}`;
}
