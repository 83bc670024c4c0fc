/** The parts of a Config that commit may be given, as lines of a Dockerfile: what the engine takes. */
import { DockerError } from './error.ts';
import type { Fields } from './fields.ts';

/** Throws DockerError 400. */
export function configChanges(config: Fields): string[] {
  if ((config.texts('Shell') ?? []).length > 0) throw new DockerError(400, 'Shell cannot be given to commit');
  const list = (name: string, instruction: string): string[] => {
    const words = config.texts(name) ?? [];
    return words.length === 0 ? [] : [`${instruction} ${JSON.stringify(words)}`];
  };
  const text = (name: string, instruction: string): string[] => {
    const value = config.text(name) ?? '';
    return value === '' ? [] : [`${instruction} ${quoted(value)}`];
  };
  return [
    ...(config.texts('Env') ?? []).map(environment),
    ...Object.entries(config.record('Labels')).map(([key, value]) => `LABEL ${quoted(key)}=${quoted(value)}`),
    ...keysOf(config, 'ExposedPorts').map((port) => `EXPOSE ${port}`),
    ...keysOf(config, 'Volumes').map((path) => `VOLUME ${JSON.stringify([escaped(path)])}`),
    ...text('User', 'USER'),
    ...text('WorkingDir', 'WORKDIR'),
    ...text('StopSignal', 'STOPSIGNAL'),
    ...list('Cmd', 'CMD'),
    ...list('Entrypoint', 'ENTRYPOINT'),
    ...healthcheck(config),
    ...(config.texts('OnBuild') ?? []).map((instruction) => `ONBUILD ${instruction}`),
  ];
}

function environment(variable: string): string {
  const equals = variable.indexOf('=');
  if (equals < 1) throw new DockerError(400, `invalid environment variable: ${variable.slice(0, 128)}`);
  return `ENV ${variable.slice(0, equals)}=${quoted(variable.slice(equals + 1))}`;
}

function keysOf(config: Fields, name: string): string[] {
  return config.entries(name).map(([key]) => key);
}

/** Without meaning to the shell-like words of a Dockerfile. */
function escaped(text: string): string {
  return text.replace(/[\\"'$]/g, String.raw`\$&`);
}

/** In double quotes an apostrophe is one. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"$]/g, String.raw`\$&`)}"`;
}

const TIMES = [
  ['Interval', 'interval'],
  ['Timeout', 'timeout'],
  ['StartPeriod', 'start-period'],
  ['StartInterval', 'start-interval'],
] as const;

function healthcheck(config: Fields): string[] {
  const check = config.object('Healthcheck');
  const [kind, ...words] = check?.texts('Test') ?? [];
  if (check === undefined || kind === undefined) return [];
  if (kind === 'NONE') return ['HEALTHCHECK NONE'];
  if (kind !== 'CMD' && kind !== 'CMD-SHELL') {
    throw new DockerError(400, `Unknown healthcheck type '${kind.slice(0, 64)}' (expected 'CMD')`);
  }
  const flags = TIMES.flatMap(([field, flag]) => {
    const nanoseconds = check.integer(field) ?? 0;
    return nanoseconds === 0 ? [] : [`--${flag}=${String(nanoseconds / 1e6)}ms`];
  });
  const retries = check.integer('Retries') ?? 0;
  if (retries > 0) flags.push(`--retries=${String(retries)}`);
  const command = kind === 'CMD' ? JSON.stringify(words) : (words[0] ?? '');
  return [`HEALTHCHECK ${[...flags, 'CMD', command].join(' ')}`];
}
