import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { STDIO } from '../../../daemon/shim/messages.ts';
import type { Operation } from '../../../daemon/runtime/plan/operations.ts';
import { Shim, command, plan, type Client } from './shim.ts';

const CLONE_NEWNS = 0x20000;
const MS_PRIVATE_REC = (1 << 18) | (1 << 14);
const ENOTTY = 25;

/** The machine's own root with a devpts of its own, as a terminal needs it. */
function onTerminal(shim: Shim, script: string, rows = 24, columns = 80, user?: Operation): Buffer {
  const at = shim.path('root');
  mkdirSync(at, { recursive: true });
  return plan(
    [
      { op: 'root_propagation', flags: MS_PRIVATE_REC },
      { op: 'root_bind', source: '/', at },
      {
        op: 'mount',
        type: 'devpts',
        source: 'devpts',
        target: '/dev/pts',
        options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
        attributes: 0,
        flags: 0,
      },
      { op: 'terminal', rows, columns, console: 0 },
      { op: 'pivot_root' },
      ...(user === undefined ? [] : [user]),
    ],
    ['/bin/sh', '-c', script],
    CLONE_NEWNS,
  );
}

async function run(
  t: TestContext,
  script: string,
  user?: Operation,
): Promise<{ shim: Shim; client: Client; control: Client }> {
  const shim = await Shim.run(t);
  const client = shim.client();
  await client.attach();
  const control = await shim.client().subscribe();
  await control.started({
    stdio: STDIO.terminal,
    plan: onTerminal(shim, script, 30, 100, user),
    log: shim.path('log'),
  });
  return { shim, client, control };
}

test('the program has a terminal of the size asked for, controlling it', async (t) => {
  const { client, shim } = await run(
    t,
    'tty; stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all three; echo x > /dev/tty',
  );
  await client.detached();
  assert.equal(client.text(), '/dev/pts/0\r\n30 100\r\nall three\r\nx\r\n');
  assert.equal(client.text('stderr'), '');
  assert.match(readFileSync(shim.path('log'), 'utf8'), /Z stdout F 30 100\r\n/);
});

test('a resize reaches the foreground job as SIGWINCH', async (t) => {
  const { client, control } = await run(t, 'trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done');
  await client.sees('ready');
  await control.expect('ok', { is: 'resize', tag: 0, process: '', rows: 50, columns: 132 });
  await client.detached();
  assert.match(client.text(), /50 132\r\n$/);
  assert.equal((await control.status())[0]?.terminal, 1);
});

test('without a terminal a resize is ENOTTY; a size beyond 16 bits is refused', async (t) => {
  const shim = await Shim.run(t);
  const control = shim.client();
  await control.started({ stdio: STDIO.pipes, plan: command('/bin/sleep', '1000') });
  const answer = await control.expect('error', { is: 'resize', tag: 0, process: '', rows: 1, columns: 1 });
  assert.equal(answer.errno, ENOTTY);
  const { control: other } = await run(t, 'sleep 1000');
  assert.equal((await other.expect('error', { is: 'resize', tag: 0, process: '', rows: 65536, columns: 1 })).errno, 22);
});

test('typing: it is echoed, edited and read', async (t) => {
  const { client } = await run(t, 'echo ready; read a; echo "<$a>"');
  await client.sees('ready');
  client.stdin('wrong\x15right\n');
  await client.detached();
  assert.match(client.text(), /<right>\r\n$/);
  assert.match(client.text(), /right\r\n<right>/);
});

test('ctrl-c interrupts the foreground job', async (t) => {
  const { client, control } = await run(t, 'trap "echo caught; exit 33" INT; echo ready; while :; do sleep 0.05; done');
  await client.sees('ready');
  client.stdin('\x03');
  assert.equal((await control.exited()).code, 33);
  await client.detached();
  assert.match(client.text(), /caught\r\n$/);
});

test('ctrl-d, and the end of stdin, are the end of the input', async (t) => {
  const first = await run(t, 'stty -echo; echo ready; cat; echo over');
  await first.client.sees('ready');
  first.client.stdin('a line\n\x04');
  await first.client.detached();
  assert.equal(first.client.text(), 'ready\r\na line\r\nover\r\n');

  const shim = await Shim.run(t);
  const client = shim.client();
  await client.attach('', 7, 1);
  // Everything is there before the start, and the last line is not even one.
  client.stdin('one\ntwo');
  client.stdin('');
  await client.started({ stdio: STDIO.terminal, plan: onTerminal(shim, 'cat > /dev/null; echo over') });
  await client.detached();
  assert.match(client.text(), /over\r\n$/);
});

test('a program that closes its terminal and opens it again is still heard', async (t) => {
  const { client } = await run(
    t,
    'tty=$(tty); echo before; exec <&- >&- 2>&-; sleep 0.2; exec <$tty >$tty 2>$tty; echo after; read a; echo "<$a>"',
  );
  await client.sees('after');
  client.stdin('still here\n');
  await client.detached();
  assert.match(client.text(), /before\r\nafter\r\n/);
  assert.match(client.text(), /<still here>\r\n$/);
});

test('the shim sleeps while the terminal is closed', async (t) => {
  const { client, shim, control } = await run(t, 'echo before; exec <&- >&- 2>&-; sleep 1000');
  await client.sees('before');
  await control.status();
  const ticks = (): number => {
    const fields =
      readFileSync(`/proc/${String(shim.pid)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const before = ticks();
  const { client: other } = await run(t, 'sleep 1');
  await other.detached();
  assert.ok(ticks() - before < 50, 'half of a second of work in one second');
});

test('as another user, the terminal can be opened again by its name', async (t) => {
  const { client } = await run(t, 'echo out > /dev/pts/0; echo err > /dev/stderr; id -u', {
    op: 'user',
    uid: 65534,
    gid: 65534,
    groups: [],
  });
  await client.detached();
  assert.equal(client.text(), 'out\r\nerr\r\n65534\r\n');
});

test('the last output before the end is all there', async (t) => {
  const { client } = await run(t, 'stty -opost; seq 1 200000');
  await client.detached();
  assert.equal(client.text(), Array.from({ length: 200_000 }, (_, i) => `${String(i + 1)}\n`).join(''));
});
