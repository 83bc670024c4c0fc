/** Terminals of tare-oci: handed to a console socket, or relayed to the one that it is called from. */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { listenForDescriptor, takeDescriptor } from '../../native-bindings/descriptor-listener.ts';
import { windowSize } from '../../native-bindings/terminal.ts';
import { FOREVER, plainConfig } from '../harness/oci-config.ts';
import { newId, OciRuntime, type Bundle } from '../harness/oci.ts';
import { Terminal } from '../harness/terminal.ts';
import { until } from '../harness/until.ts';

const TARE_OCI = join(import.meta.dirname, '../../bin/tare-oci');

let oci: OciRuntime;
let person: Terminal;
before(() => {
  oci = new OciRuntime();
  mkdirSync(oci.root, { recursive: true });
  person = new Terminal(oci.folder, { columns: 90, rows: 30 }, {});
});
after(async () => {
  await person.close();
  await oci.close();
});

const withTerminal = (args: readonly string[], process = {}): Bundle =>
  oci.bundle(plainConfig(args, { terminal: true, ...process }));

/** Runs `use` with a console socket; gives the master that was sent to it. */
async function received(use: (path: string) => Promise<void>): Promise<number> {
  const path = join(oci.folder, `${newId()}.sock`);
  const listener = listenForDescriptor(path);
  try {
    await use(path);
    return takeDescriptor(listener);
  } finally {
    closeSync(listener);
    rmSync(path);
  }
}

/** Reads from the master until `wanted` is among what came. */
function readUntil(master: number, wanted: RegExp): string {
  let said = '';
  while (!wanted.test(said)) {
    const bytes = Buffer.alloc(4096);
    said += bytes.toString('utf8', 0, readSync(master, bytes));
  }
  return said;
}

test('create sends the master of the terminal to the console socket', async () => {
  const id = newId();
  const size = { consoleSize: { height: 31, width: 79 } };
  const bundle = withTerminal(
    ['/bin/sh', '-c', 'tty; stty size; read line; echo "got $line"; exec sleep 100000'],
    size,
  );
  const master = await received(async (path) => {
    const { code, stderr } = await oci.create(id, bundle, ['--console-socket', path]);
    assert.equal(code, 0, stderr);
  });
  try {
    assert.deepEqual(windowSize(master), { rows: 31, columns: 79 });
    assert.equal((await oci.start(id)).code, 0);
    assert.match(readUntil(master, /31 79/), /^\/dev\/pts\/0\r\n/);
    writeSync(master, 'words\n');
    readUntil(master, /got words/);
  } finally {
    closeSync(master);
  }
  assert.equal((await oci.delete(id, true)).code, 0);
});

test('exec sends the master of its terminal to its console socket', async () => {
  const id = newId();
  assert.equal((await oci.create(id, oci.bundle(plainConfig(FOREVER)))).code, 0);
  assert.equal((await oci.start(id)).code, 0);
  const master = await received(async (path) => {
    const flags = ['--tty', '--detach', '--console-socket', path];
    const { code, stderr } = await oci.exec(id, ['/bin/sh', '-c', 'tty; exec sleep 100000'], flags);
    assert.equal(code, 0, stderr);
  });
  readUntil(master, /\/dev\/pts\/\d/);
  closeSync(master);
  assert.equal((await oci.delete(id, true)).code, 0);
});

test('a terminal that nobody would hold is refused', async () => {
  const id = newId();
  const refused = await oci.create(id, withTerminal(FOREVER));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /--console-socket/);
  assert.equal((await oci.invoke(['run', '--detach', '--bundle', withTerminal(FOREVER).folder, id])).code, 1);
  assert.equal(await oci.state(id), undefined);
});

test('run relays the terminal, its size and its keys, and gives ours back as it was', async () => {
  const bundle = withTerminal(['/bin/sh', '-c', 'PS1="in the box> " exec sh']);
  person.line(`${TARE_OCI} --root ${oci.root} run --bundle ${bundle.folder} ${newId()}; echo "exit code $?"`);
  await until('the prompt', () => person.screen().includes('in the box>'));
  person.line('stty size | tr " " x');
  await until('the size', () => person.screen().includes('30x90'));
  person.resize(101, 33);
  await until('the new size', () => {
    person.line('stty size | tr " " x');
    return person.screen().includes('33x101');
  });
  // Only once the line is read and its terminal cooked: before, the key would be a character like any other.
  person.line('echo goes $((40 + 1)) on; sleep 100000');
  await until('the sleep', () => person.screen().includes('goes 41 on'));
  person.press('C-c');
  person.line('echo still $((40 + 2)) here');
  await until('the shell', () => person.screen().includes('still 42 here'));
  person.line('exit 7');
  await until('the end', () => person.screen().includes('exit code 7'));
  person.line('stty -a | grep -c " icanon.* echo "; echo mode told');
  await until('the mode', () => /^mode told$/m.test(person.screen()));
  assert.match(person.screen(), /^1\nmode told$/m);
});

test('exec relays a terminal too', async () => {
  const id = newId();
  const { code } = await oci.create(id, oci.bundle(plainConfig(FOREVER)));
  assert.equal(code, 0);
  assert.equal((await oci.start(id)).code, 0);
  person.line(
    `clear; ${TARE_OCI} --root ${oci.root} exec --tty ${id} sh -c 'tty | tr / :; exit 4'; echo "exec code $?"`,
  );
  await until('the end', () => person.screen().includes('exec code 4'));
  assert.match(person.screen(), /:dev:pts:\d/);
  assert.equal((await oci.delete(id, true)).code, 0);
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(oci.folder), false);
});
