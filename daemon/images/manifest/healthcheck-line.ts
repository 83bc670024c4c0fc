/** HEALTHCHECK of a Dockerfile: `NONE`, or `[--interval=30s …] CMD program`. */
import { parseDuration } from '../../../shared/units.ts';
import { shown } from '../errors.ts';
import { jsonWords } from './dockerfile-words.ts';
import type { Healthcheck } from './image-config.ts';
import { InvalidChange } from './invalid-change.ts';

const NANOSECONDS = 1_000_000;
const DURATIONS: Readonly<Record<string, 'interval' | 'timeout' | 'startPeriod' | 'startInterval'>> = {
  interval: 'interval',
  timeout: 'timeout',
  'start-period': 'startPeriod',
  'start-interval': 'startInterval',
};

/** 0: as the image below has it. */
function nanoseconds(option: string, value: string): number {
  let milliseconds: number;
  try {
    milliseconds = parseDuration(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InvalidChange(`--${option}: ${shown(value)} is not a duration such as 10s or 1m30s`, { cause: error });
  }
  const result = Math.round(milliseconds * NANOSECONDS);
  if ((milliseconds > 0 && milliseconds < 1) || !Number.isSafeInteger(result)) {
    throw new InvalidChange(`--${option}: ${shown(value)} is out of range`);
  }
  return result;
}

function optionOf(name: string, value: string): Healthcheck {
  const duration = Object.hasOwn(DURATIONS, name) ? DURATIONS[name] : undefined;
  if (duration !== undefined) return { [duration]: nanoseconds(name, value) };
  if (name !== 'retries') throw new InvalidChange(`--${shown(name)} is not one of its options`);
  if (!/^\d{1,9}$/.test(value)) throw new InvalidChange(`--retries: ${shown(value)} is not a number`);
  return { retries: Number(value) };
}

/** Throws InvalidChange. */
export function healthcheckOf(rest: string): Healthcheck {
  let check: Healthcheck = {};
  let left = rest;
  for (;;) {
    const option = /^--([a-z-]+)=(\S*)(?:[ \t]+|$)/.exec(left);
    if (option === null) break;
    check = { ...check, ...optionOf(option[1] ?? '', option[2] ?? '') };
    left = left.slice(option[0].length);
  }
  const [, kind = '', command = ''] = /^([A-Za-z]+)(?:[ \t]+(.*))?$/s.exec(left) ?? [];
  if (kind.toUpperCase() === 'NONE' && command === '' && left === rest) return { test: ['NONE'] };
  if (kind.toUpperCase() !== 'CMD' || command === '') throw new InvalidChange('it is neither NONE nor a CMD');
  const words = jsonWords(command);
  return { test: words === undefined ? ['CMD-SHELL', command] : ['CMD', ...words], ...check };
}
