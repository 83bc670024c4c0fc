/** Debian's docker CLI, unmodified, in a person's hands: at a terminal, and beside others. What it prints otherwise is compared in docker-api/. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Terminal } from '../harness/terminal.ts';
import { until } from '../harness/until.ts';
import { BASE } from './docker-api/images.ts';
import { Engine } from './docker-api/engine.ts';

let engine: Engine;
let folder: string;
let terminal: Terminal;

before(async () => {
  engine = await Engine.open('tare');
  folder = mkdtempSync(join(tmpdir(), 'tare-cli-'));
  const env = { DOCKER_HOST: `unix://${engine.room.outside(engine.socket)}`, DOCKER_CONFIG: join(folder, 'cli') };
  terminal = new Terminal(folder, { columns: 90, rows: 30 }, env);
  terminal.line("alias docker=/usr/bin/docker; PS1='host$ '; clear");
  terminal.line('docker version --format "at {{.Server.APIVersion}}"');
  await terminal.shows(/^at 1\.\d+$/m);
});
after(async () => {
  await terminal.close();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

async function must(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await engine.docker(...args);
  assert.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`);
  return stdout.trimEnd();
}

const state = (name: string): Promise<string> => must('inspect', '--format', '{{.State.Status}}', name);

test('run -it: sizes, detach, attach again, end', async () => {
  terminal.line(`docker run -it --name typed -e PS1='inside# ' ${BASE} sh`);
  await terminal.shows(/^inside# $/m);
  terminal.line('stty size');
  await terminal.shows(/^30 90$/m);
  terminal.resize(101, 33);
  // The new size comes with a signal to the CLI, and a request of its own.
  terminal.line('until [ "$(stty size)" = "33 101" ]; do sleep 0.05; done; echo re""sized');
  await terminal.shows(/^resized$/m);
  terminal.line('kept=here');
  terminal.press('C-p', 'C-q');
  await terminal.shows(/host\$ $/m);
  assert.equal(await state('typed'), 'running');
  terminal.line('docker attach typed; echo ended with $?');
  terminal.line('echo still $kept');
  await terminal.shows(/^still here$/m);
  terminal.line('exit 6');
  await terminal.shows(/^ended with 6$/m);
  await must('rm', 'typed');
});

test('exec -it, and ctrl-c in it and outside of it', async () => {
  await must('run', '-d', '--name', 'idle', BASE, 'sleep', '1000');
  // What is typed while the CLI still reads its terminal would be lost: the status is asked for in the same line.
  terminal.line(`docker exec -it -e PS1='exec# ' idle sh; echo exec gave $?`);
  await terminal.shows(/^exec# $/m);
  terminal.line('echo sleep""ing; sleep 1000');
  await terminal.shows(/^sleeping$/m);
  terminal.press('C-c');
  await terminal.shows(/^\^C$[^]*^exec# $/m);
  terminal.line('stty size; exit 5');
  await terminal.shows(/^33 101$/m);
  await terminal.shows(/^exec gave 5$/m);
  terminal.line(
    `docker run --rm --name cut ${BASE} sh -c 'trap "echo caught; exit 3" INT; echo run""ning; while :; do sleep 0.05; done'`,
  );
  await terminal.shows(/^running$/m);
  terminal.press('C-c');
  await terminal.shows(/^(?:\^C)?caught$/m);
  terminal.line('echo run gave $?');
  await terminal.shows(/^run gave 3$/m);
});

test('stats: a picture that is drawn again', async () => {
  terminal.line('clear; docker stats idle');
  await terminal.shows(/^[0-9a-f]{12} +idle +[0-9.]+% +[0-9.]+\w+ \/ [0-9.]+\w+/m);
  terminal.press('C-c');
  await terminal.shows(/host\$ $/m);
});

test('events and logs -f while others work', async () => {
  terminal.line(
    `clear; docker events --filter container=watched --format '{{.Action}} {{.Actor.Attributes.exitCode}}'`,
  );
  // Its answer has begun when what happens is told: something happens until it is.
  await until('events are told', async () => {
    await must('create', '--name', 'watched', BASE, 'sh', '-c', 'echo one; read line; echo two; exit 4');
    await must('rm', 'watched');
    return /^destroy/m.test(terminal.screen());
  });
  await must('run', '-d', '-i', '--name', 'watched', BASE, 'sh', '-c', 'echo one; read line; echo two; exit 4');
  await terminal.shows(/^start/m);
  terminal.press('C-c');
  terminal.line('clear; docker logs -f --since 10m watched; echo logs ended with $?');
  await terminal.shows(/^one$/m);
  await engine.dockerWith('\n', 'attach', '--sig-proxy=false', 'watched');
  await terminal.shows(/^two$[^]*^logs ended with 0$/m);
  assert.equal(await must('wait', 'watched'), '4');
  const since = await must('inspect', '--format', '{{.State.FinishedAt}}', 'watched');
  assert.equal(await must('logs', '--since', new Date(Date.parse(since) + 60_000).toISOString(), 'watched'), '');
});
