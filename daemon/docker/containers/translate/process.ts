/** What of the Config says how the process runs, as fields of a CreateRequest. */
import type { CreateRequest } from '../../../../shared/api/container.ts';
import { parseSignal } from '../../../../shared/signals.ts';
import type { CreateBody } from './create-body.ts';
import { plain, refuse } from './refuse.ts';

type Parts = Partial<CreateRequest>;

/** `-1` waits for ever: the longest that there is, a day. */
const STOP_TIMEOUT_MAX = 86_400;

export function processOf(body: CreateBody): Parts {
  const { HostConfig: host = {} } = body;
  return {
    ...commandOf(body),
    ...environmentOf(body),
    ...text('workdir', workdirOf(body)),
    ...text('user', body.User),
    ...text('hostname', body.Hostname),
    ...text('domainname', body.Domainname),
    ...text('stopSignal', stopSignalOf(body)),
    ...(body.Tty === true ? { tty: true } : {}),
    ...(body.OpenStdin === true ? { stdin: true } : {}),
    ...(body.StopTimeout === undefined ? {} : { stopTimeout: stopTimeoutOf(body.StopTimeout) }),
    ...labelsOf(body),
    ...(host.Init === undefined ? {} : { init: host.Init }),
    ...(host.AutoRemove === true ? { autoRemove: true } : {}),
    ...((host.GroupAdd ?? []).length === 0 ? {} : { groups: [...(host.GroupAdd ?? [])] }),
    ...oomScoreOf(host.OomScoreAdj),
    ...specOf(body),
  };
}

/**
 * An entry point of one empty word takes the image's away, and its Cmd too; an empty list takes it away and leaves the
 * Cmd; without a list the image's stays.
 */
function commandOf({ Entrypoint: entrypoint, Cmd: cmd = [] }: CreateBody): Parts {
  const isReset = entrypoint?.length === 1 && entrypoint[0] === '';
  if (isReset && cmd.length === 0) refuse('No command specified');
  return {
    ...(entrypoint === undefined ? {} : { entrypoint: isReset ? [] : [...entrypoint] }),
    ...(cmd.length === 0 ? {} : { command: [...cmd] }),
  };
}

function environmentOf({ Env: env = [] }: CreateBody): Parts {
  for (const variable of env) {
    if (variable === '' || variable.startsWith('=')) refuse(`invalid environment variable: ${plain(variable)}`);
  }
  return env.length === 0 ? {} : { env: [...env] };
}

function workdirOf({ WorkingDir: directory }: CreateBody): string | undefined {
  if (directory === undefined || directory === '' || directory.startsWith('/')) return directory;
  return refuse(`the working directory '${plain(directory)}' is invalid, it needs to be an absolute path`);
}

function stopSignalOf({ StopSignal: signal }: CreateBody): string | undefined {
  if (signal === undefined || signal === '' || parseSignal(signal) !== undefined) return signal;
  return refuse(`Invalid signal: ${plain(signal)}`);
}

export function stopTimeoutOf(seconds: number): number {
  return seconds < 0 ? STOP_TIMEOUT_MAX : Math.min(seconds, STOP_TIMEOUT_MAX);
}

function labelsOf({ Labels: labels = {} }: CreateBody): Parts {
  return Object.keys(labels).length === 0 ? {} : { labels: { ...labels } };
}

function oomScoreOf(score: number | undefined): Parts {
  if (score === undefined || score === 0) return {};
  if (score >= -1000 && score <= 1000) return { oomScoreAdj: score };
  return refuse(`Invalid value ${String(score)}, range for oom score adj is [-1000, 1000]`);
}

/** What only the spec has a place for. */
function specOf({
  Tty: tty,
  HostConfig: { ConsoleSize: size = [], Annotations: annotations = {} } = {},
}: CreateBody): Parts {
  const [height = 0, width = 0] = size;
  const isSized = tty === true && [height, width].every((length) => length > 0 && length <= 0xffff);
  const hasAnnotations = Object.keys(annotations).length > 0;
  if (!isSized && !hasAnnotations) return {};
  return {
    oci: {
      ...(isSized ? { process: { consoleSize: { height, width } } } : {}),
      ...(hasAnnotations ? { annotations: { ...annotations } } : {}),
    },
  };
}

/** An empty text is none. */
function text<K extends string>(field: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined || value === '' ? {} : ({ [field]: value } as Record<K, string>);
}
