/** The command line of devcontainers against tare: a workspace on an image, and one on a Dockerfile. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run, type Finished } from '../harness/daemon.ts';
import { BASE } from './docker-api/images.ts';
import { Engine } from './docker-api/engine.ts';

const PROGRAM = join(import.meta.dirname, '../../node_modules/@devcontainers/cli/devcontainer.js');

let engine: Engine;
let command: string;
before(async () => {
  engine = await Engine.open('tare');
  command = engine.room.tool('devcontainer', ['timeout', '120', process.execPath, '--no-warnings', PROGRAM], {
    DOCKER_HOST: `unix://${engine.socket}`,
    DOCKER_BUILDKIT: '0',
    // What it keeps of its own, in the room.
    TMPDIR: '/run',
  });
});
after(() => engine.close());

/** A workspace of this configuration, and other files beside it. */
function workspace(name: string, configuration: unknown, files: Readonly<Record<string, string>> = {}): string {
  const folder = join(engine.room.folder, name);
  mkdirSync(join(folder, '.devcontainer'), { recursive: true });
  const all = { 'devcontainer.json': JSON.stringify(configuration), ...files };
  for (const [file, text] of Object.entries(all)) writeFileSync(join(folder, '.devcontainer', file), text);
  return folder;
}

function devcontainer(verb: string, folder: string, ...args: string[]): Promise<Finished> {
  return run(command, [verb, '--docker-path', '/usr/bin/docker', '--workspace-folder', folder, ...args]);
}

/** The container's id. */
async function up(folder: string): Promise<string> {
  const { stdout, stderr } = await devcontainer('up', folder);
  const { outcome, containerId } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, string>;
  assert.equal(outcome, 'success', stderr);
  return containerId ?? '';
}

test('on an image: up, exec, and up again finds it', async () => {
  const folder = workspace('image', {
    image: BASE,
    containerEnv: { COLOUR: 'green' },
    mounts: ['source=cache,target=/cache,type=volume'],
    postCreateCommand: 'echo created > created',
  });
  const id = await up(folder);
  const seen = await devcontainer('exec', folder, 'sh', '-c', 'cat created; echo $COLOUR; pwd; ls -d /cache; exit 4');
  assert.deepEqual([seen.code, seen.stdout], [4, 'created\ngreen\n/workspaces/image\n/cache\n'], seen.stderr);
  assert.equal(await up(folder), id);
});

test('on a Dockerfile, as a user', async () => {
  const dockerfile = `FROM ${BASE}\nARG WHO\nCOPY greeting /greeting\nRUN echo "$WHO" >> /greeting\n`;
  const folder = workspace(
    'built',
    { build: { dockerfile: 'Dockerfile', args: { WHO: 'you' } }, remoteUser: 'alice', updateRemoteUserUID: false },
    { Dockerfile: dockerfile, greeting: 'to\n' },
  );
  await up(folder);
  const { stdout, stderr } = await devcontainer('exec', folder, 'sh', '-c', 'cat /greeting; id -un');
  assert.equal(stdout, 'to\nyou\nalice\n', stderr);
});
