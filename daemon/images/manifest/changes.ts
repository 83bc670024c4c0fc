/**
 * Changes of an image's configuration, as lines of a Dockerfile: `--change` of commit and import. The lines that Docker
 * takes there (builder/dockerfile of moby, validCommitCommands), read as its reference manual of the Dockerfile says.
 */
import { shown } from '../errors.ts';
import { parseSignal } from '../../../shared/signals.ts';
import { expanded, joinedPath, jsonWords, pairsOf, wordsOf, type Variables } from './dockerfile-words.ts';
import { healthcheckOf } from './healthcheck-line.ts';
import type { RunConfig } from './image-config.ts';
import { InvalidChange } from './invalid-change.ts';

export { InvalidChange };

export interface ChangeState {
  run: RunConfig;
  /** A CMD was among the lines: a later ENTRYPOINT keeps it. */
  hasCmd: boolean;
  /** Variables that have a value beside those of the environment, which go first: arguments of a build. */
  readonly args?: Variables;
  /** What takes the meaning of the next character; default: a backslash. */
  readonly escape?: string;
}

type State = ChangeState;

type Change = (state: State, rest: string) => void;

const DEFAULT_SHELL = ['/bin/sh', '-c'];
/** Of the environment, and of the labels: variables that double with each line end here. */
const LENGTH_MAX = 1024 * 1024;
/** EXPOSE may give ranges; all ports of a protocol are no more. */
const EXPOSED_MAX = 65536;

function refuse(problem: string): never {
  throw new InvalidChange(problem);
}

function environmentOf({ env = [] }: RunConfig): Variables {
  return new Map(
    env.map((entry) => {
      const equals = entry.indexOf('=');
      return equals === -1 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/** What `$NAME` means in a line: the environment as it is by then, and beside it the arguments of a build. */
export function variablesOf({ run, args }: Pick<State, 'run' | 'args'>): Variables {
  const environment = environmentOf(run);
  return args === undefined || args.size === 0 ? environment : new Map([...args, ...environment]);
}

/** A JSON list is the program and its arguments; all else is a line for the shell. */
function command({ run }: State, rest: string): string[] {
  const words = jsonWords(rest);
  if (words !== undefined) return words;
  return rest === '' ? [] : [...(run.shell ?? DEFAULT_SHELL), rest];
}

function one(state: State, rest: string): string {
  const value = expanded(rest, variablesOf(state), state.escape);
  return value === '' ? refuse('it has no value') : value;
}

/** Words that are there once, in the order they came to be. */
function union(present: readonly string[] = [], more: readonly string[]): string[] {
  return [...new Set([...present, ...more])];
}

function portsOf(word: string): string[] {
  const [, from = '', to = from, protocol = 'tcp'] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === '' || first < 1 || last > 65535 || first > last) {
    refuse(`"${shown(word)}" is not a port, such as 80, 80/udp or 8000-8010`);
  }
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol.toLowerCase()}`);
}

function checkLength(pairs: ReadonlyMap<string, string>): void {
  let length = 0;
  for (const [name, value] of pairs) length += name.length + value.length;
  if (length > LENGTH_MAX) refuse('it makes the configuration too long');
}

function setEnv(state: State, rest: string): void {
  const pairs = pairsOf(rest, variablesOf(state), state.escape) ?? refuse('it is not NAME=value');
  const variables = new Map(environmentOf(state.run));
  for (const [name, value] of pairs) {
    if (name === '') refuse('a variable has no name');
    variables.set(name, value);
  }
  checkLength(variables);
  state.run = { ...state.run, env: [...variables].map(([name, value]) => `${name}=${value}`) };
}

function setLabels(state: State, rest: string): void {
  const pairs = pairsOf(rest, variablesOf(state), state.escape) ?? refuse('it is not key=value');
  if (pairs.some(([key]) => key === '')) refuse('a label has no key');
  const labels = new Map([...Object.entries(state.run.labels ?? {}), ...pairs]);
  checkLength(labels);
  // Without a prototype, as the labels that were read: no key is special.
  state.run = { ...state.run, labels: Object.assign(Object.create(null) as object, Object.fromEntries(labels)) };
}

/** Of WORDs in JSON or parted by spaces. */
function listOf(state: State, rest: string): string[] {
  const words = jsonWords(rest) ?? wordsOf(rest, state.escape);
  const variables = variablesOf(state);
  const list = words.map((word) => expanded(word, variables, state.escape)).filter((word) => word !== '');
  return list.length === 0 ? refuse('it has no value') : list;
}

const CHANGES: Readonly<Record<string, Change>> = {
  CMD: (state, rest) => {
    state.run = { ...state.run, cmd: command(state, rest) };
    state.hasCmd = true;
  },
  ENTRYPOINT: (state, rest) => {
    // The arguments were the former program's.
    const { cmd, ...others } = state.run;
    const kept = state.hasCmd && cmd !== undefined ? { cmd } : {};
    state.run = { ...others, ...kept, entrypoint: command(state, rest) };
  },
  ENV: setEnv,
  EXPOSE: (state, rest) => {
    const ports = union(state.run.exposedPorts, listOf(state, rest).flatMap(portsOf));
    if (ports.length > EXPOSED_MAX) refuse('that is more ports than there are');
    state.run = { ...state.run, exposedPorts: ports };
  },
  HEALTHCHECK: (state, rest) => {
    state.run = { ...state.run, healthcheck: healthcheckOf(rest) };
  },
  LABEL: setLabels,
  ONBUILD: (state, rest) => {
    const trigger = /^[A-Za-z]+/.exec(rest)?.[0].toUpperCase() ?? refuse('it has no instruction');
    if (['ONBUILD', 'FROM', 'MAINTAINER'].includes(trigger)) refuse(`${trigger} cannot be a trigger`);
    state.run = { ...state.run, onBuild: [...(state.run.onBuild ?? []), rest] };
  },
  STOPSIGNAL: (state, rest) => {
    const stopSignal = one(state, rest);
    if (parseSignal(stopSignal) === undefined) refuse(`"${shown(stopSignal)}" is not a signal`);
    state.run = { ...state.run, stopSignal };
  },
  USER: (state, rest) => {
    state.run = { ...state.run, user: one(state, rest) };
  },
  VOLUME: (state, rest) => {
    state.run = { ...state.run, volumes: union(state.run.volumes, listOf(state, rest)) };
  },
  WORKDIR: (state, rest) => {
    state.run = { ...state.run, workingDir: joinedPath(state.run.workingDir ?? '/', one(state, rest)) };
  },
};

/**
 * One instruction of a Dockerfile, of those that change the configuration alone; false: it is none of them. Throws
 * InvalidChange.
 */
export function applyInstruction(state: ChangeState, instruction: string, rest: string): boolean {
  if (!Object.hasOwn(CHANGES, instruction)) return false;
  CHANGES[instruction]?.(state, rest);
  return true;
}

/** The instruction and the rest of its line; a backslash at the end of a line joins the next to it. */
function split(line: string): [instruction: string, rest: string] {
  const whole = line.replace(/\\[ \t]*\r?\n/g, '').trim();
  if (/[\r\n]/.test(whole)) refuse('it is more than one line');
  const [, instruction = '', rest = ''] = /^([A-Za-z]+)(?:[ \t]+(.*))?$/s.exec(whole) ?? [];
  return [instruction.toUpperCase(), rest];
}

/** Throws InvalidChange. */
export function applyChanges(run: RunConfig, lines: readonly string[]): RunConfig {
  const state: State = { run, hasCmd: false };
  for (const line of lines) {
    try {
      const [instruction, rest] = split(line);
      const change = Object.hasOwn(CHANGES, instruction) ? CHANGES[instruction] : undefined;
      (change ?? refuse(`it does not begin with one of ${Object.keys(CHANGES).join(', ')}`))(state, rest);
    } catch (error) {
      if (!(error instanceof InvalidChange)) throw error;
      throw new InvalidChange(`"${shown(line)}" changes no image: ${error.message}`, { cause: error });
    }
  }
  return state.run;
}
