/** The same Dockerfiles, built by dockerd's classic builder and by tare with docker's CLI: the same images, the same words. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { printedBy } from '../harness/build.ts';
import { run, TestDaemon, type Finished } from '../harness/daemon.ts';
import { Dockerd } from './dockerd.ts';
import { loadFrom } from '../harness/images.ts';
import { IMAGE } from './image.ts';

let dockerd: Dockerd;
let daemon: TestDaemon;
let context: string;
before(async () => {
  dockerd = await Dockerd.open();
  daemon = await TestDaemon.open();
  const archive = readFileSync(join(dockerd.room.folder, 'image.tar'));
  const { status, body } = await loadFrom(daemon, archive);
  assert.equal(status, 200, JSON.stringify(body));
  context = join(dockerd.room.folder, 'context');
  makeContext(context);
});
after(async () => {
  await daemon.close();
  await dockerd.close();
});

function makeContext(folder: string): void {
  mkdirSync(join(folder, 'tree/inner'), { recursive: true });
  mkdirSync(join(folder, 'left/out'), { recursive: true });
  for (const [name, mode] of [
    ['a.txt', 0o644],
    ['b.sh', 0o755],
    ['tree/inner/deep', 0o600],
    ['tree/set', 0o4755],
    ['left/out/of-it', 0o644],
    ['left/in', 0o644],
  ] as const) {
    writeFileSync(join(folder, name), `this is ${name}\n`);
    chmodSync(join(folder, name), mode);
  }
  chmodSync(join(folder, 'tree'), 0o750);
  chmodSync(join(folder, 'tree/inner'), 0o711);
  symlinkSync('inner/deep', join(folder, 'tree/link'));
  symlinkSync('a.txt', join(folder, 'to-a'));
  writeFileSync(join(folder, '.dockerignore'), '# some\nleft/*\n!left/in\n*.ignored\n');
  execFileSync('tar', ['-C', folder, '-czf', join(folder, 'packed.tar.gz'), 'tree']);
}

interface Both {
  readonly docker: Finished;
  readonly tare: Finished;
}

const CLI = { DOCKER_BUILDKIT: '0' };

/** With docker's CLI at both. */
async function both(dockerfile: string, ...options: string[]): Promise<Both> {
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  const args = ['build', ...options, context];
  const config = join(dockerd.room.folder, 'cli');
  const docker = await run(dockerd.command, args, { env: CLI });
  const tare = await run('/usr/bin/docker', ['--host', `unix://${daemon.socket}`, ...args], {
    env: { ...CLI, DOCKER_CONFIG: config },
  });
  rmSync(join(context, 'Dockerfile'));
  return { docker, tare };
}

/** Without what is said of containers, of which tare has fewer, and with ids that are the same. */
function words({ stdout }: Finished): string[] {
  return stdout
    .split('\n')
    .filter((line) => !/^(?:Sending build context| ---> Running in |Removing intermediate)/.test(line))
    .map((line) => line.replace(/^( ---> |Successfully built )[0-9a-f]{12}$/, '$1ID'));
}

const KEYS = [
  ...['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'Volumes', 'WorkingDir', 'Labels', 'StopSignal'],
  ...['Healthcheck', 'Shell', 'OnBuild'],
];

function configOf(text: string): unknown {
  const config = JSON.parse(text) as Record<string, unknown>;
  return KEYS.map((key) => {
    const value = config[key];
    const isNothing = value === undefined || value === null || value === '' || JSON.stringify(value) === '{}';
    return [key, isNothing ? null : value];
  });
}

const LOOK = [
  'cd /',
  'ls="find . -xdev ( -path ./proc -o -path ./sys -o -path ./dev -o -path ./etc/hosts -o -path ./etc/hostname -o -path ./etc/resolv.conf -o -path ./etc/mtab -o -path ./.dockerenv ) -prune -o"',
  'set -f; $ls -exec stat -c "%n %a %u:%g %F" {} + | sort',
  '$ls -type f -exec md5sum {} + | sort',
  '$ls -type l -exec sh -c "for l; do echo \\$l \\$(readlink \\$l); done" - {} + | sort',
].join('; ');

async function sameImages(name: string): Promise<void> {
  const inspect = ['image', 'inspect', '--format', '{{json .Config}}', name];
  const config = join(dockerd.room.folder, 'cli');
  const { stdout, stderr } = await run('/usr/bin/docker', ['--host', `unix://${daemon.socket}`, ...inspect], {
    env: { DOCKER_CONFIG: config },
  });
  assert.deepEqual(configOf(stdout || stderr), configOf(await dockerd.must(...inspect)));
  const theirs = await dockerd.must('run', '--rm', '--user', '0', '--entrypoint', 'sh', name, '-c', LOOK);
  const ours = await printedBy(daemon, { image: name, user: '0', entrypoint: ['sh'], command: ['-c', LOOK] });
  assert.ok(theirs.length > 10_000, theirs);
  assert.deepEqual(ours.trimEnd().split('\n'), theirs.split('\n'));
}

test('files: copied, unpacked, with owners, into places with and without links, filtered', async () => {
  const dockerfile = [
    `FROM ${IMAGE}`,
    'WORKDIR /w/deep',
    'COPY a.txt b.sh ./',
    'COPY a.txt new',
    'COPY a.txt /made/on/the/way/',
    'COPY --chown=alice:wheel a.txt /owned/on/the/way',
    'COPY tree tree',
    'COPY --chown=12 tree /owned/tree',
    'COPY --chown=alice tree/inner /owned/tree/more/inner',
    'COPY t* left /wild/',
    'COPY to-a linked',
    'ADD packed.tar.gz a.txt /added/',
    'RUN ln -s /w/deep /way && ln -s /not/there /dangling && mkdir -m 700 /private && chown 5:6 /private',
    'COPY a.txt /way/through',
    'COPY tree /private',
    'COPY b.sh /dangling/b',
    'WORKDIR /way/in',
    'COPY . .',
    'RUN rm -r /w/deep/tree/inner /owned/tree && echo more >> /w/deep/new',
  ].join('\n');
  const { docker, tare } = await both(dockerfile, '-t', 'files:1');
  assert.deepEqual([docker.code, tare.code], [0, 0], docker.stderr + tare.stderr);
  assert.deepEqual(words(tare), words(docker));
  await sameImages('files:1');
});

test('configuration: variables, arguments, stages, volumes, labels, commands', async () => {
  const dockerfile = [
    'ARG BASE=tare.test/busybox',
    'FROM ${BASE}:latest AS one',
    'ARG GIVEN=default',
    'ARG BASE',
    'ENV A=1 B="two  $GIVEN" C=${D:-d}${A:+!} E=\\$A',
    'ENV old style $A',
    'RUN echo "$GIVEN $BASE $B" | tee /said; export -p | sort | grep -v HOSTNAME',
    'CMD ["of", "one"]',
    'FROM one',
    '# a comment',
    'LABEL a=b "with space"=\'$A\' \\',
    '  c="$A \\',
    'd"',
    'EXPOSE 80 443/tcp 53/udp $A',
    'VOLUME ["/data", "/kept"]',
    'RUN echo lost > /data/lost; id -u; exec echo end',
    'USER alice:wheel',
    'STOPSIGNAL SIGUSR1',
    'HEALTHCHECK --interval=7s --retries=2 CMD ["true", "$A"]',
    'ONBUILD RUN true',
    'SHELL ["/bin/sh", "-e", "-c"]',
    'ENTRYPOINT echo $A',
    'COPY --from=0 /said /from/',
    'RUN id -un; id -gn',
  ].join('\n');
  const options = [
    '--build-arg',
    'GIVEN=given',
    '--build-arg',
    'NOT=used',
    '--label',
    'by=us',
    '-t',
    'config:1',
    '-t',
    'config:2',
  ];
  const { docker, tare } = await both(dockerfile, ...options);
  assert.deepEqual([docker.code, tare.code], [0, 0], docker.stderr + tare.stderr);
  assert.deepEqual(words(tare), words(docker));
  await sameImages('config:1');
  const again = await both(dockerfile, ...options);
  assert.deepEqual(words(again.tare), words(again.docker));
});

test('builds that fail: the same words, the same exit codes', async () => {
  for (const [dockerfile, ...options] of [
    [`FROM ${IMAGE}\nRUN echo seen; exit 3`],
    [`FROM ${IMAGE}\nRUN ["no-such-program"]`],
    [`FROM ${IMAGE}\nNOT this`],
    [`FROM ${IMAGE}\nCOPY a.txt b.sh /file`],
    [`FROM ${IMAGE}`, '--target', 'none'],
    ['RUN true'],
  ] as const) {
    const { docker, tare } = await both(dockerfile, ...options);
    assert.equal(tare.code, docker.code, `${dockerfile}: ${docker.stderr} / ${tare.stderr}`);
    assert.deepEqual(words(tare), words(docker), dockerfile);
  }
  const { docker, tare } = await both(`FROM ${IMAGE}\nRUN exit 3`);
  assert.equal(tare.stderr, docker.stderr);
  const missing = await both(`FROM ${IMAGE}\nCOPY missing /`);
  assert.deepEqual([missing.tare.code, missing.docker.code], [1, 1]);
});
