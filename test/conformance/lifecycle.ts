/** Programs on the life of a container: the operations, what they refuse, and what they leave alone. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId, type Bundle, type OciRuntime } from '../harness/oci.ts';
import { until } from '../harness/until.ts';
import type { Spec } from './config.ts';
import { mustHoldInside, placeReport } from './inside.ts';
import type { Context, Programs } from './program.ts';

interface Life {
  readonly id: string;
  readonly bundle: Bundle;
  readonly runtime: OciRuntime;
}

/** A bundle of `spec` and a name, for as long as `live` takes. */
async function withBundle<T>(context: Context, spec: Spec, live: (life: Life) => Promise<T>): Promise<T> {
  const { runtime } = context;
  const life = { id: newId(), bundle: runtime.bundle(spec, spec.root.path), runtime };
  try {
    return await live(life);
  } finally {
    if ((await runtime.state(life.id)) !== undefined) await runtime.delete(life.id, true);
    life.bundle.remove();
  }
}

async function startedToEnd(context: Context, { id, bundle, runtime }: Life): Promise<boolean> {
  const created = await runtime.create(id, bundle);
  context.findings.check(created.code === 0, 'create', created.stderr);
  const started = await runtime.start(id);
  context.findings.check(started.code === 0, 'start', started.stderr);
  if (created.code !== 0 || started.code !== 0) return false;
  await runtime.reach(id, 'stopped');
  return true;
}

const create = (context: Context) =>
  withBundle(context, context.spec(['ls']), async ({ id, bundle, runtime }) => {
    const { findings } = context;
    findings.check((await runtime.create('', bundle)).code !== 0, 'create without a name is an error');
    const made = await runtime.create(id, bundle);
    findings.check(made.code === 0, 'create makes a container', made.stderr);
    findings.check((await runtime.state(id))?.id === id, 'state answers with its name');
    findings.check((await runtime.create(id, bundle)).code !== 0, 'create of a name that is taken is an error');
  });

const state = (context: Context) =>
  withBundle(context, context.spec(['true']), async ({ id, bundle, runtime }) => {
    const { findings } = context;
    findings.check((await runtime.state('')) === undefined, 'state without a name is an error');
    findings.check((await runtime.state(id)) === undefined, 'state of what does not exist is an error');
    await runtime.create(id, bundle);
    const seen = await runtime.state(id);
    const whole = seen?.id === id && seen.status === 'created' && seen.bundle === bundle.folder && (seen.pid ?? 0) > 0;
    findings.check(whole && seen.ociVersion !== '', 'state tells version, name, status, pid and bundle', seen);
  });

const start = (context: Context) =>
  withBundle(context, context.spec(['sh', '-c', 'echo called >> /output']), async (life) => {
    const { findings } = context;
    const { id, bundle, runtime } = life;
    const output = () => (existsSync(bundle.inside('output')) ? readFileSync(bundle.inside('output'), 'utf8') : '');
    findings.check((await runtime.start('')).code !== 0, 'start without a name is an error');
    findings.check((await runtime.start(id)).code !== 0, 'start of what does not exist is an error');
    await runtime.create(id, bundle);
    findings.check(output() === '', 'nothing runs before start', output());
    const started = await runtime.start(id);
    findings.check(started.code === 0, 'start', started.stderr);
    await runtime.reach(id, 'stopped');
    findings.check(output() === 'called\n', 'start runs the program', output());
    findings.check((await runtime.start(id)).code !== 0, 'start of a stopped one is an error');
    findings.check(output() === 'called\n', 'start of a stopped one has no effect', output());
    findings.check((await runtime.delete(id)).code === 0, 'delete');
  });

const startWithoutProcess = (context: Context) => {
  const spec = context.spec();
  delete spec.process;
  return withBundle(context, spec, async ({ id, bundle, runtime }) => {
    const made = await runtime.create(id, bundle);
    context.findings.check(made.code === 0, 'create without a process makes a container', made.stderr);
    if (made.code !== 0) return;
    // runtime.md, Start: "if process was not set" is an error.
    context.findings.check((await runtime.start(id)).code !== 0, 'start without a process is an error');
  });
};

async function kill(context: Context): Promise<void> {
  const { findings } = context;
  await withBundle(context, context.spec(['true']), async ({ id, bundle, runtime }) => {
    findings.check((await runtime.kill('')).code !== 0, 'kill without a name is an error');
    findings.check((await runtime.kill(id)).code !== 0, 'kill of what does not exist is an error');
    await runtime.create(id, bundle);
    const created = await runtime.kill(id);
    findings.check(created.code === 0, 'kill of a created one', created.stderr);
    await runtime.reach(id, 'stopped');
    findings.check((await runtime.delete(id)).code === 0, 'delete of what was killed before it started');
  });
  await withBundle(context, context.spec(['true']), async (life) => {
    if (!(await startedToEnd(context, life))) return;
    findings.check((await life.runtime.kill(life.id)).code !== 0, 'kill of a stopped one is an error');
  });
  await withBundle(context, context.spec(['sleep', '1000']), async ({ id, bundle, runtime }) => {
    await runtime.create(id, bundle);
    await runtime.start(id);
    findings.check((await runtime.kill(id)).code === 0, 'kill of a running one');
    await runtime.reach(id, 'stopped');
    findings.check((await runtime.delete(id)).code === 0, 'delete of what was killed');
  });
}

async function killSignals(context: Context): Promise<void> {
  for (const signal of ['TERM', 'USR1', 'USR2']) {
    const script = `trap 'touch /${signal}; exit 0' ${signal}; touch /ready; while true; do sleep 0.05; done`;
    await withBundle(context, context.spec(['sh', '-c', script]), async ({ id, bundle, runtime }) => {
      await runtime.create(id, bundle);
      await runtime.start(id);
      await until('the trap is set', () => existsSync(bundle.inside('ready')));
      const sent = await runtime.kill(id, signal);
      await runtime.reach(id, 'stopped');
      const arrived = existsSync(bundle.inside(signal));
      context.findings.check(arrived, `kill sends ${signal} to the container's process`, sent.stderr);
    });
  }
}

const killNoEffect = (context: Context) =>
  withBundle(context, context.spec(['true']), async (life) => {
    if (!(await startedToEnd(context, life))) return;
    const before = await life.runtime.state(life.id);
    await life.runtime.kill(life.id);
    const after = await life.runtime.state(life.id);
    const same = JSON.stringify(before) === JSON.stringify(after);
    context.findings.check(same, 'kill of a stopped one has no effect', { before, after });
  });

async function remove(context: Context): Promise<void> {
  const { findings } = context;
  await withBundle(context, context.spec(['sleep', '1000']), async ({ id, bundle, runtime }) => {
    findings.check((await runtime.delete('')).code !== 0, 'delete without a name is an error');
    await runtime.create(id, bundle);
    for (const status of ['created', 'running']) {
      if (status === 'running') await runtime.start(id);
      findings.check((await runtime.delete(id)).code !== 0, `delete of a ${status} one is an error`);
      findings.check((await runtime.state(id))?.status === status, `delete of a ${status} one has no effect`);
    }
    await runtime.kill(id);
    await runtime.reach(id, 'stopped');
    const gone = await runtime.delete(id);
    findings.check(gone.code === 0, 'delete of a stopped one', gone.stderr);
    findings.check((await runtime.state(id)) === undefined, 'after delete there is no such container');
  });
}

const PIDS = '/sys/fs/cgroup/pids';

/** What the runtime makes it takes away; what others made it leaves, even where the container was moved there. */
async function deleteResources(context: Context): Promise<void> {
  const spec = context.spec(['true']);
  const name = `tare-conformance-${process.pid}`;
  spec.linux.cgroupsPath = `/${name}`;
  spec.linux.resources.pids = { limit: 1000 };
  await withBundle(context, spec, async (life) => {
    await startedToEnd(context, life);
    const gone = await life.runtime.delete(life.id);
    context.findings.check(gone.code === 0 && !existsSync(join(PIDS, name)), 'delete removes the group', gone.stderr);
  });
}

async function deleteOnlyOwn(context: Context): Promise<void> {
  const foreign = join(PIDS, `tare-conformance-foreign-${process.pid}`);
  mkdirSync(foreign);
  try {
    await withBundle(context, context.spec(['true']), async ({ id, bundle, runtime }) => {
      await runtime.create(id, bundle);
      writeFileSync(join(foreign, 'cgroup.procs'), String((await runtime.state(id))?.pid));
      const started = await runtime.start(id);
      context.findings.check(started.code === 0, 'start in a group of somebody else', started.stderr);
      await runtime.reach(id, 'stopped');
      context.findings.check((await runtime.delete(id)).code === 0, 'delete');
      context.findings.check(existsSync(foreign), 'delete leaves what the runtime did not make');
    });
  } finally {
    if (existsSync(foreign)) rmdirSync(foreign);
  }
}

const pidFile = (context: Context) =>
  withBundle(context, context.spec(['sleep', '1000']), async ({ id, bundle, runtime }) => {
    const file = join(bundle.folder, 'pid-file');
    const made = await runtime.create(id, bundle, ['--pid-file', file]);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : made.stderr;
    const pid = String((await runtime.state(id))?.pid);
    context.findings.check(text === pid, 'the pid file holds the pid and nothing else', { text, pid });
  });

/** Every property that create has read is as it was read, whatever becomes of the file. */
async function configUpdates(context: Context): Promise<void> {
  const spec = context.spec();
  Object.assign(spec.linux, {
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/fs'],
    sysctl: { 'net.ipv4.ip_forward': '1' },
    rootfsPropagation: 'shared',
  });
  spec.process!.oomScoreAdj = 100;
  await withBundle(context, spec, async ({ id, bundle, runtime }) => {
    placeReport(context, spec, bundle);
    await runtime.create(id, bundle);
    writeFileSync(join(bundle.folder, 'config.json'), '{"ociVersion":"1.0.0"}');
    const started = await runtime.start(id);
    context.findings.check(started.code === 0, 'a later change of config.json does not matter', started.stderr);
    if (started.code === 0) await runtime.reach(id, 'stopped');
    const report = readFileSync(join(bundle.folder, 'stdout'), 'utf8');
    context.findings.check(
      report.includes('\noom_score_adj 100\n'),
      'the process has what create read',
      report.slice(0, 200),
    );
  });
}

async function properties(context: Context): Promise<void> {
  const annotated = context.spec(['true']);
  annotated.annotations = { 'org.example.unknown': '' };
  const unknown: Spec = { ...context.spec(['true']), unknown: 'unknown' };
  for (const [what, spec] of [
    ['an annotation that nobody knows', annotated],
    ['a property that nobody knows', unknown],
  ] as const) {
    await withBundle(context, spec, async (life) => {
      const ran = await startedToEnd(context, life);
      context.findings.check(ran, `${what} is no error`);
    });
  }
  await withBundle(context, { ...context.spec(['true']), ociVersion: 'invalid' }, async ({ id, bundle, runtime }) => {
    context.findings.check((await runtime.create(id, bundle)).code !== 0, 'a version that is none is an error');
  });
}

export const LIFECYCLE: Programs = {
  default: (context) => mustHoldInside(context, context.spec()),
  create,
  state,
  start,
  start_without_process: startWithoutProcess,
  kill,
  killsig: killSignals,
  kill_no_effect: killNoEffect,
  delete: remove,
  delete_resources: deleteResources,
  delete_only_create_resources: deleteOnlyOwn,
  pidfile: pidFile,
  config_updates_without_affect: configUpdates,
  misc_props: properties,
};
