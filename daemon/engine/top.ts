/** The processes of a container, as ps -ef shows them: proc_pid_stat(5). */
import { readFileSync } from 'node:fs';
import type { Top } from '../../shared/api/container.ts';
import type { Context } from './context.ts';
import { processesOf } from './freezer.ts';
import { runOf } from './kill.ts';

const TITLES = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];
/** USER_HZ, which is 100 on every architecture Linux runs on that Node does. */
const TICKS_PER_SECOND = 100;

export async function top(context: Context, ref: string): Promise<Top> {
  const container = context.containers.find(ref);
  return container.turn.run(() => {
    runOf(container, 'top');
    const now = Date.now();
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const processes = processesOf(context, container)
      .map((pid) => processLine(pid, now, uptime))
      .filter((line) => line !== undefined);
    return { titles: TITLES, processes };
  });
}

/** Undefined: it ended meanwhile. */
function processLine(pid: number, now: number, uptime: number): string[] | undefined {
  const status = readProc(pid, 'status');
  const stat = readProc(pid, 'stat');
  const command = readProc(pid, 'cmdline');
  if (status === undefined || stat === undefined || command === undefined) return undefined;
  // the name in brackets may contain anything; the fields that follow it are numbers
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const age = Math.max(uptime - Number(fields[19]) / TICKS_PER_SECOND, 0);
  const seconds = Math.floor(ticks / TICKS_PER_SECOND);
  return [
    /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? '?',
    String(pid),
    fields[1] ?? '?',
    String(age === 0 ? 0 : Math.min(Math.floor((100 * ticks) / TICKS_PER_SECOND / age), 99)),
    startedAt(now - age * 1000, now),
    terminalName(Number(fields[4])),
    [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(twoDigits).join(':'),
    command === '' ? `[${name}]` : command.replaceAll('\0', ' ').trimEnd(),
  ];
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
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
