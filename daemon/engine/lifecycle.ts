/**
 * The life of a container: state × event → next state, or the named error that the event is there. Every cell
 * is filled. docs/states.md is generated from this table (lifecycleDiagram), and a test holds them equal.
 */
import type { Status } from '../../shared/api/container.ts';
import { EngineError, type ErrorCode } from './errors.ts';

/** `gone`: there is no row any more. */
export type NextState = Status | 'gone';

export const LIFECYCLE_EVENTS = [
  /** create is done: directory and row are there. */
  'created',
  /** What was begun by create is given up. */
  'abandoned',
  /** The user asks for a start; the state changes with `started`. */
  'start',
  'started',
  'start_failed',
  'stop',
  'kill',
  'pause',
  'resume',
  'rename',
  'update',
  /** A further process is asked for. */
  'exec',
  'attach',
  'resize',
  'top',
  /** Init has ended, or its shim is lost. */
  'ended',
  /** The same where the container is to be removed at its end. */
  'ended_remove',
  'remove',
  /** With force: what runs is killed first. */
  'remove_force',
  /** Row deleted. */
  'removed',
] as const;
export type LifecycleEvent = (typeof LIFECYCLE_EVENTS)[number];

interface Goes {
  readonly to: NextState;
}
interface Refused {
  readonly error: ErrorCode;
}
export type Cell = Goes | Refused;

const to = (state: NextState): Goes => ({ to: state });
const no = (error: ErrorCode): Refused => ({ error });

/** For what only the engine itself can bring about: there it is a fault of ours. */
const fault = no('internal');
const busy = no('container_busy');
const idle = no('container_not_running');
const leaving = no('container_removing');

export const LIFECYCLE: Readonly<Record<Status, Readonly<Record<LifecycleEvent, Cell>>>> = {
  creating: {
    created: to('created'),
    abandoned: to('gone'),
    start: busy,
    started: fault,
    start_failed: fault,
    stop: busy,
    kill: idle,
    pause: idle,
    resume: idle,
    rename: busy,
    update: busy,
    exec: idle,
    attach: busy,
    resize: idle,
    top: idle,
    ended: fault,
    ended_remove: fault,
    remove: busy,
    remove_force: busy,
    removed: fault,
  },
  created: {
    created: fault,
    abandoned: fault,
    start: to('created'),
    started: to('running'),
    start_failed: to('created'),
    stop: to('created'),
    kill: idle,
    pause: idle,
    resume: idle,
    rename: to('created'),
    update: to('created'),
    exec: idle,
    attach: to('created'),
    resize: idle,
    top: idle,
    ended: fault,
    ended_remove: fault,
    remove: to('removing'),
    remove_force: to('removing'),
    removed: fault,
  },
  running: {
    created: fault,
    abandoned: fault,
    start: no('container_running'),
    started: fault,
    start_failed: fault,
    stop: to('running'),
    kill: to('running'),
    pause: to('paused'),
    resume: no('container_not_paused'),
    rename: to('running'),
    update: to('running'),
    exec: to('running'),
    attach: to('running'),
    resize: to('running'),
    top: to('running'),
    ended: to('stopped'),
    ended_remove: to('removing'),
    remove: no('container_running'),
    remove_force: to('removing'),
    removed: fault,
  },
  paused: {
    created: fault,
    abandoned: fault,
    start: no('container_paused'),
    started: fault,
    start_failed: fault,
    stop: to('paused'),
    kill: to('paused'),
    pause: no('container_paused'),
    resume: to('running'),
    rename: to('paused'),
    update: to('paused'),
    exec: no('container_paused'),
    attach: to('paused'),
    resize: to('paused'),
    top: to('paused'),
    ended: to('stopped'),
    ended_remove: to('removing'),
    remove: no('container_running'),
    remove_force: to('removing'),
    removed: fault,
  },
  stopped: {
    created: fault,
    abandoned: fault,
    start: to('stopped'),
    started: to('running'),
    start_failed: to('stopped'),
    stop: to('stopped'),
    kill: idle,
    pause: idle,
    resume: idle,
    rename: to('stopped'),
    update: to('stopped'),
    exec: idle,
    attach: to('stopped'),
    resize: idle,
    top: idle,
    ended: fault,
    ended_remove: fault,
    remove: to('removing'),
    remove_force: to('removing'),
    removed: fault,
  },
  removing: {
    created: fault,
    abandoned: fault,
    start: leaving,
    started: fault,
    start_failed: fault,
    stop: to('removing'),
    kill: leaving,
    pause: leaving,
    resume: leaving,
    rename: leaving,
    update: leaving,
    exec: leaving,
    attach: leaving,
    resize: leaving,
    top: leaving,
    ended: to('removing'),
    ended_remove: to('removing'),
    remove: leaving,
    remove_force: to('removing'),
    removed: to('gone'),
  },
};

const REASONS: Partial<Record<ErrorCode, (status: Status) => string>> = {
  container_running: (status) => (status === 'paused' ? 'is paused, and so running' : 'is running'),
  container_not_running: (status) => `is not running (it is ${status})`,
  container_paused: () => 'is paused',
  container_not_paused: () => 'is not paused',
  container_busy: () => 'is being created',
  container_removing: () => 'is being removed',
};

/** The state after `event`, or the cell's EngineError, which names the container. */
export function advance(status: Status, event: LifecycleEvent, name: string): NextState {
  const cell = LIFECYCLE[status][event];
  if ('to' in cell) return cell.to;
  const reason = REASONS[cell.error]?.(status) ?? `cannot meet "${event}" while ${status}`;
  throw new EngineError(cell.error, `container ${name} ${reason}`);
}

/** The same where the row stays: every event but `abandoned` and `removed`. */
export function advanceTo(
  status: Status,
  event: Exclude<LifecycleEvent, 'abandoned' | 'removed'>,
  name: string,
): Status {
  const next = advance(status, event, name);
  if (next === 'gone') throw new EngineError('internal', `container ${name}: "${event}" ends it`);
  return next;
}

/** The table as a mermaid state diagram: the transitions that change the state. */
export function lifecycleDiagram(): string {
  const lines = ['stateDiagram-v2', '  [*] --> creating'];
  for (const [status, row] of Object.entries(LIFECYCLE)) {
    const targets = new Map<string, string[]>();
    for (const [event, cell] of Object.entries(row)) {
      if (!('to' in cell) || cell.to === status) continue;
      targets.set(cell.to, [...(targets.get(cell.to) ?? []), event]);
    }
    for (const [target, events] of targets) {
      lines.push(`  ${status} --> ${target === 'gone' ? '[*]' : target}: ${events.join(', ')}`);
    }
  }
  return lines.join('\n');
}

/** The table as markdown: a row an event, a column a state. */
export function lifecycleTable(): string {
  const states = Object.keys(LIFECYCLE) as Status[];
  const head = `| event | ${states.join(' | ')} |\n|---|${states.map(() => '---').join('|')}|`;
  const rows = LIFECYCLE_EVENTS.map((event) => {
    const cells = states.map((state) => {
      const cell = LIFECYCLE[state][event];
      return 'to' in cell ? cell.to : `\`${cell.error}\``;
    });
    return `| ${event} | ${cells.join(' | ')} |`;
  });
  return [head, ...rows].join('\n');
}

/** The whole of docs/states.md. */
export function lifecyclePage(): string {
  return `# The states of a container

Generated from the table in daemon/engine/lifecycle.ts; a test holds them equal
(\`node test/unit/engine/write-states.ts\` writes it anew).

\`\`\`mermaid
${lifecycleDiagram()}
\`\`\`

What each event does in each state: the next state, or the code of the error that the caller gets. \`internal\` marks
what only a fault of the daemon could bring about; \`gone\` is a row that is deleted.

${lifecycleTable()}
`;
}
