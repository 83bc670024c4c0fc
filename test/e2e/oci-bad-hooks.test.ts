/** Hooks that are missing, fail or hang, at every stage: what came before is undone, and poststop hooks are run. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ordinarySpec, type Hook, type Spec } from '../conformance/config.ts';
import { mountsBelow, newId, OciRuntime, type Bundle } from '../harness/oci.ts';

let runtime: OciRuntime;
before(() => {
  runtime = new OciRuntime();
});
after(() => runtime.close());

/** In the order in which they run. The last three are resolved in the container, or not run by create. */
const STAGES = ['prestart', 'createRuntime', 'createContainer', 'startContainer'] as const;
type Stage = (typeof STAGES)[number];

/** A hook that writes `word` where the test can read it, and then does `next`. */
function hook(bundle: Bundle, stage: Stage | 'poststop', word: string, next = 'true', timeout?: number): Hook {
  // startContainer's program is one of the container's; createContainer's is one of the host's, in the container's mounts.
  const inside = stage === 'startContainer';
  const said = inside || stage === 'createContainer' ? '' : `echo ${word} >> ${join(bundle.folder, 'said')}; `;
  return {
    path: inside ? '/bin/sh' : bundle.inside('bin/busybox'),
    args: ['sh', '-c', `${said}${next}`],
    ...(timeout === undefined ? {} : { timeout }),
  };
}

const said = (bundle: Bundle): string[] => {
  const file = join(bundle.folder, 'said');
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
};

/** Creates, and starts where create succeeds; what was refused, and by which of the two. */
async function live(bundle: Bundle, id: string): Promise<{ by: 'create' | 'start'; stderr: string; msg: string }> {
  const log = join(bundle.folder, 'log.json');
  const globals = ['--log', log, '--log-format', 'json'];
  const record = () => (JSON.parse(readFileSync(log, 'utf8').trimEnd().split('\n').at(-1)!) as { msg: string }).msg;
  const created = await runtime.invoke(['create', '--bundle', bundle.folder, id], { globals });
  if (created.code !== 0) {
    assert.equal(created.code, 1);
    return { by: 'create', stderr: created.stderr, msg: record() };
  }
  const started = await runtime.invoke(['start', id], { globals });
  assert.equal(started.code, 1, `${id} was started`);
  return { by: 'start', stderr: started.stderr, msg: record() };
}

function bundleWith(hooksOf: (bundle: Bundle) => Spec['hooks']): Bundle {
  const spec = ordinarySpec(['sh', '-c', 'echo program > /ran']);
  spec.root.path = 'rootfs';
  const bundle = runtime.bundle(spec, 'rootfs');
  const hooks = hooksOf(bundle);
  if (hooks !== undefined) spec.hooks = hooks;
  bundle.write(spec);
  return bundle;
}

async function assertUndone(bundle: Bundle, id: string, by: 'create' | 'start'): Promise<void> {
  assert.ok(!existsSync(bundle.inside('ran')), 'the program was not run');
  const state = await runtime.state(id);
  if (by === 'start') {
    assert.equal(state?.status, 'stopped');
    assert.equal((await runtime.delete(id)).code, 0);
  } else assert.equal(state, undefined);
  assert.deepEqual(existsSync(runtime.root) ? readdirSync(runtime.root).filter((name) => name.includes(id)) : [], []);
  assert.deepEqual(mountsBelow(bundle.folder), []);
  for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
    for (const parent of ['', 'tare-oci']) assert.ok(!existsSync(join('/sys/fs/cgroup', hierarchy, parent, id)));
  }
}

for (const stage of STAGES) {
  const by = stage === 'startContainer' ? 'start' : 'create';

  test(`a ${stage} hook that fails, its second`, async () => {
    const bundle = bundleWith((made) => ({
      prestart: [hook(made, 'prestart', 'first')],
      poststop: [hook(made, 'poststop', 'last')],
      [stage]: [hook(made, stage, 'first'), hook(made, stage, 'second', 'echo out of order >&2; exit 7')],
    }));
    const id = newId();
    const seen = await live(bundle, id);
    assert.equal(seen.by, by);
    for (const text of [seen.stderr, seen.msg]) {
      // Kind, index, status and the last line that it wrote on stderr.
      assert.match(text, new RegExp(`${stage} hook 1 .*7.*out of order`), text);
    }
    await assertUndone(bundle, id, by);
    assert.deepEqual(
      said(bundle).filter((word) => word === 'last'),
      ['last'],
      'poststop was run, once',
    );
    bundle.remove();
  });

  test(`a ${stage} hook that is missing`, async () => {
    const bundle = bundleWith((made) => ({
      [stage]: [{ path: '/no/such/hook' }],
      poststop: [hook(made, 'poststop', 'last')],
    }));
    const id = newId();
    const seen = await live(bundle, id);
    assert.match(seen.msg, new RegExp(`${stage} hook 0 .*ENOENT`));
    assert.match(seen.stderr, /\/no\/such\/hook/);
    await assertUndone(bundle, id, seen.by);
    bundle.remove();
  });

  test(`a ${stage} hook that hangs past its timeout`, async () => {
    const bundle = bundleWith((made) => ({
      [stage]: [hook(made, stage, 'hangs', 'exec sleep 1000', 1)],
      poststop: [hook(made, 'poststop', 'last')],
    }));
    const id = newId();
    const seen = await live(bundle, id);
    assert.equal(seen.by, by);
    assert.match(seen.msg, new RegExp(`${stage} hook 0 .*timeout of 1 s`), seen.msg);
    await assertUndone(bundle, id, by);
    assert.deepEqual(
      said(bundle).filter((word) => word === 'last'),
      ['last'],
    );
    bundle.remove();
  });
}

test('poststart and poststop hooks that fail, are missing or hang are warnings; the next ones are run', async () => {
  for (const kind of ['poststart', 'poststop'] as const) {
    const bundle = bundleWith((made) => ({
      [kind]: [
        hook(made, 'poststop', 'first', 'exit 3'),
        { path: '/no/such/hook' },
        hook(made, 'poststop', 'hangs', 'exec sleep 1000', 1),
        hook(made, 'poststop', 'last'),
      ],
    }));
    const id = newId();
    const log = join(bundle.folder, 'log.json');
    const globals = ['--log', log, '--log-format', 'json'];
    for (const command of ['create', 'start', 'delete']) {
      if (command === 'delete') await runtime.reach(id, 'stopped');
      const words = command === 'create' ? ['create', '--bundle', bundle.folder, id] : [command, id];
      const { code, stderr } = await runtime.invoke(words, { globals });
      assert.equal(code, 0, stderr);
    }
    assert.deepEqual(said(bundle), ['first', 'hangs', 'last']);
    const records = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; msg: string });
    const warnings = records.filter(({ level }) => level === 'warning').map(({ msg }) => msg);
    for (const index of [0, 1, 2])
      assert.ok(
        warnings.some((text) => text.includes(`${kind} hook ${index} `)),
        warnings.join('\n'),
      );
    bundle.remove();
  }
});
