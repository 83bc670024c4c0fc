/** Programs on hooks: when each kind runs, in which order, what it is given, and what comes of one that fails. */
import { existsSync, readFileSync } from 'node:fs';
import { newId, type Bundle, type OciRuntime, type State } from '../harness/oci.ts';
import type { Hook, Spec } from './config.ts';
import type { Context, Programs } from './program.ts';

interface Seen {
  /** "create", "start" or "delete" and why, where one of them failed. */
  failed?: string;
  /** What hooks and program had written when each operation had returned. */
  afterCreate: string;
  afterStop: string;
  afterDelete: string;
  state?: State;
}

/** Creates, starts, waits for the end and deletes, with hooks that write into /output of the root. */
async function live(
  context: Context,
  hooksOf: (bundle: Bundle) => Record<string, Hook[]>,
  also: { spec?: Spec; id?: string } = {},
): Promise<Seen> {
  const { runtime } = context;
  const spec = also.spec ?? context.spec(['sh', '-c', 'echo process >> /output']);
  const bundle = runtime.bundle(spec, spec.root.path);
  const id = also.id ?? newId();
  spec.hooks = hooksOf(bundle);
  bundle.write(spec);
  const output = () => (existsSync(bundle.inside('output')) ? readFileSync(bundle.inside('output'), 'utf8') : '');
  const seen: Seen = { afterCreate: '', afterStop: '', afterDelete: '' };
  try {
    await operate(runtime, id, bundle, seen, output);
    seen.afterDelete = output();
    return seen;
  } finally {
    if ((await runtime.state(id)) !== undefined) await runtime.delete(id, true);
    bundle.remove();
  }
}

async function operate(
  runtime: OciRuntime,
  id: string,
  bundle: Bundle,
  seen: Seen,
  output: () => string,
): Promise<void> {
  const created = await runtime.create(id, bundle);
  seen.afterCreate = output();
  const state = await runtime.state(id);
  if (state !== undefined) seen.state = state;
  if (created.code !== 0) return void (seen.failed = `create: ${created.stderr}`);
  const started = await runtime.start(id);
  if (started.code !== 0) return void (seen.failed = `start: ${started.stderr}`);
  await runtime.reach(id, 'stopped');
  seen.afterStop = output();
  const deleted = await runtime.delete(id);
  if (deleted.code !== 0) seen.failed = `delete: ${deleted.stderr}`;
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** A hook of the host: the shell of the bundle, and an argv[0] that is not its path. */
const writes = (bundle: Bundle, text: string): Hook => ({
  path: bundle.inside('bin/sh'),
  args: ['sh', '-c', `echo ${text} >> ${bundle.inside('output')}`],
});
const fails = (bundle: Bundle): Hook => ({ path: bundle.inside('bin/false'), args: ['false'] });

async function hooks(context: Context): Promise<void> {
  const kinds = ['prestart', 'createRuntime', 'poststart', 'poststop'];
  const seen = await live(context, (bundle) =>
    Object.fromEntries(kinds.map((kind) => [kind, [writes(bundle, `${kind}-1`), writes(bundle, `${kind}-2`)]])),
  );
  const { findings } = context;
  findings.check(seen.failed === undefined, 'a life with hooks', seen.failed);
  // poststart comes after the program was executed, which then runs beside it.
  const order = lines(seen.afterDelete).filter((line) => line !== 'process');
  const asked = kinds.flatMap((kind) => [`${kind}-1`, `${kind}-2`]);
  findings.check(order.join() === asked.join(), 'hooks are called in the order listed', { order, asked });
}

async function prestart(context: Context): Promise<void> {
  const seen = await live(context, (bundle) => ({ prestart: [writes(bundle, 'prestart')] }));
  context.findings.check(!seen.afterCreate.includes('process'), 'create does not run the program', seen);
  const order = lines(seen.afterStop).join();
  context.findings.check(order === 'prestart,process', 'prestart is before the program', seen);
}

async function poststart(context: Context): Promise<void> {
  const seen = await live(context, (bundle) => ({ poststart: [writes(bundle, 'poststart')] }));
  context.findings.check(seen.afterCreate === '', 'create runs neither program nor poststart', seen);
  const both = lines(seen.afterStop).sort().join();
  context.findings.check(both === 'poststart,process', 'start runs both', seen);
}

async function poststop(context: Context): Promise<void> {
  const seen = await live(context, (bundle) => ({ poststop: [writes(bundle, 'poststop')] }));
  context.findings.check(seen.afterStop === 'process\n', 'poststop is not called by the end of the process', seen);
  context.findings.check(seen.afterDelete === 'process\npoststop\n', 'poststop is called by delete', seen);
}

async function prestartFails(context: Context): Promise<void> {
  const id = newId();
  const seen = await live(context, (bundle) => ({ prestart: [fails(bundle)] }), { id });
  context.findings.check(seen.failed !== undefined, 'a failing prestart hook is an error');
  context.findings.check(!seen.afterDelete.includes('process'), 'the program is not run', seen);
  context.findings.check(seen.state === undefined, 'the container is gone', seen.state);
}

async function lateOneFails(context: Context, kind: 'poststart' | 'poststop'): Promise<void> {
  const seen = await live(context, (bundle) => ({ [kind]: [fails(bundle), writes(bundle, kind)] }));
  context.findings.check(seen.failed === undefined, `a failing ${kind} hook is a warning`, seen.failed);
  context.findings.check(lines(seen.afterDelete).includes(kind), 'the next one is called', seen);
}

/** The status that the specification's life cycle gives at that step. */
const STATUS: Record<string, readonly string[]> = {
  prestart: ['created'],
  createRuntime: ['creating', 'created'],
  poststart: ['running', 'stopped'],
  poststop: ['stopped'],
};

async function stdin(context: Context): Promise<void> {
  const { runtime, findings } = context;
  const spec = context.spec(['sleep', '1000']);
  spec.annotations = { 'org.example.hooks': 'what they are told' };
  const bundle = runtime.bundle(spec, spec.root.path);
  const id = newId();
  const file = (kind: string) => bundle.inside(`told-${kind}`);
  const keeps = (kind: string) => ({
    path: bundle.inside('bin/sh'),
    args: ['sh', '-c', `cat > ${file(kind)}`],
    timeout: 20,
  });
  spec.hooks = Object.fromEntries(Object.keys(STATUS).map((kind) => [kind, [keeps(kind)]]));
  bundle.write(spec);
  try {
    await runtime.create(id, bundle);
    const pid = (await runtime.state(id))?.pid;
    await runtime.start(id);
    await runtime.kill(id);
    await runtime.reach(id, 'stopped');
    await runtime.delete(id);
    for (const [kind, statuses] of Object.entries(STATUS)) {
      const told = existsSync(file(kind)) ? (JSON.parse(readFileSync(file(kind), 'utf8')) as State) : undefined;
      const same =
        told?.id === id &&
        told.bundle === bundle.folder &&
        JSON.stringify(told.annotations) === JSON.stringify(spec.annotations) &&
        (kind === 'poststop' || told.pid === pid);
      findings.check(same && statuses.includes(told.status), `the state is on the stdin of ${kind}`, told ?? 'nothing');
    }
  } finally {
    if ((await runtime.state(id)) !== undefined) await runtime.delete(id, true);
    bundle.remove();
  }
}

export const HOOKS: Programs = {
  hooks,
  hooks_stdin: stdin,
  prestart,
  prestart_fail: prestartFails,
  poststart,
  poststart_fail: (context) => lateOneFails(context, 'poststart'),
  poststop,
  poststop_fail: (context) => lateOneFails(context, 'poststop'),
};
