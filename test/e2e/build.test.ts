/** Images of Dockerfiles, built by the daemon: every instruction, and what containers of the image then see. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { ImageDetail, ImageSummary } from '../../shared/api/image.ts';
import { build, built, printed } from '../harness/build.ts';
import { TestDaemon } from '../harness/daemon.ts';
import { busyboxImage, haveImage } from '../harness/images.ts';
import { directory, file, hardlink, symlink, tar } from '../harness/tar.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.open();
  const onBuild = ['ENV TRIGGERED=1', 'COPY trigger /'];
  await haveImage(daemon, 'base:1', busyboxImage({ config: { Cmd: ['sh'], Labels: { of: 'base' } } }));
  await haveImage(daemon, 'triggers:1', busyboxImage({ config: { OnBuild: onBuild } }));
});
after(() => daemon.close());

const inspect = (name: string): Promise<ImageDetail> =>
  daemon.client.must('GET', `/v1/images/${encodeURIComponent(name)}`);
const lines = (...text: string[]): string => text.join('\n');

test('what changes the configuration is in the image', async () => {
  const dockerfile = lines(
    'ARG TAG=1',
    'FROM base:$TAG',
    'MAINTAINER who',
    'ARG GIVEN=not',
    'ENV A=1 B="two $GIVEN" C=${D:-d}',
    'LABEL x=y',
    'EXPOSE 80 90/udp',
    'USER alice',
    'VOLUME /data /more',
    'STOPSIGNAL SIGINT',
    'HEALTHCHECK --interval=5s CMD true',
    'SHELL ["/bin/sh", "-ec"]',
    'ONBUILD RUN echo later',
    'ENTRYPOINT ["echo"]',
    'CMD ["said", "$A"]',
  );
  const query = {
    tag: ['config:1', 'config:2'],
    buildArg: ['GIVEN=given', 'UNUSED=1'],
    label: ['by=the build', 'x=z'],
  };
  const { id, output } = await built(daemon, dockerfile, [], query);
  assert.match(output, /^Step 1\/16 : ARG TAG=1\nStep 2\/16 : FROM base:\$TAG\n ---> [0-9a-f]{12}\n/);
  assert.match(output, /\[Warning\] One or more build-args \[UNUSED\] were not consumed\n/);
  assert.ok(
    output.endsWith(
      `Successfully built ${id.slice(7, 19)}\nSuccessfully tagged config:1\nSuccessfully tagged config:2\n`,
    ),
  );
  const { config, author, names, layers } = await inspect(id);
  assert.deepEqual([author, names, layers.length], ['who', ['config:1', 'config:2'], 1]);
  assert.deepEqual(config.env?.slice(1), ['A=1', 'B=two given', 'C=d']);
  assert.deepEqual(config.labels, { of: 'base', x: 'z', by: 'the build' });
  assert.deepEqual(
    [config.exposedPorts, config.volumes, config.user],
    [['80/tcp', '90/udp'], ['/data', '/more'], 'alice'],
  );
  assert.deepEqual(
    [config.stopSignal, config.shell, config.onBuild],
    ['SIGINT', ['/bin/sh', '-ec'], ['RUN echo later']],
  );
  assert.deepEqual([config.healthcheck?.test, config.healthcheck?.interval], [['CMD-SHELL', 'true'], 5e9]);
  assert.equal(await printed(daemon, id), 'said $A\n');
});

test('RUN: its output, its arguments, its shell, what it changed; and nothing of its container is left', async () => {
  const dockerfile = lines(
    'FROM base:1',
    'ARG WHO',
    'WORKDIR /work',
    'RUN echo "hello $WHO" | tee said; pwd; id -u',
    'RUN ["sh", "-c", "rm /etc/group; exec echo exec > /exec"]',
    'USER alice',
    'SHELL ["/bin/sh", "-c", "echo shell $0; eval $0"]',
    'RUN id -un >&2',
    'VOLUME /kept',
    'USER root',
    'SHELL ["/bin/sh", "-c"]',
    'RUN <<EOF',
    'echo lost > /kept/lost',
    'echo two lines > /two',
    'EOF',
  );
  const { id, output } = await built(daemon, dockerfile, [], { buildArg: 'WHO=you' });
  for (const part of ['hello you\n/work\n0\n', 'shell id -un >&2\nalice\n']) assert.ok(output.includes(part), output);
  const look = 'cat said /exec /two; ls /etc/group /kept; echo $WHO';
  assert.equal(await printed(daemon, id, 'sh', '-c', look), 'hello you\nexec\ntwo lines\n/kept:\n\n');
  assert.deepEqual(await daemon.client.must('GET', '/v1/containers?all=true'), []);
  assert.deepEqual(await daemon.client.must('GET', '/v1/volumes'), []);
  const history = await daemon.client.must<{ createdBy: string }[]>('GET', `/v1/images/${id}/history`);
  assert.ok(history.some(({ createdBy }) => createdBy.startsWith('|1 WHO=you /bin/sh -c echo "hello $WHO"')));
});

test('COPY: files, directories, wildcards, owners, modes; into what is there and what is not', async () => {
  const context = [
    file('a.txt', 'a', { mode: 0o600, uid: 5, gid: 5, mtime: 1_000_000_000 }),
    file('b.txt', 'b', { mode: 0o4755 }),
    directory('tree', { mode: 0o700 }),
    directory('tree/inner', { mode: 0o711 }),
    file('tree/inner/f', 'f'),
    hardlink('tree/again', 'tree/inner/f'),
    symlink('tree/link', 'inner/f'),
    symlink('to-a', 'a.txt'),
    file('Dockerfile.ignored', ''),
  ];
  const dockerfile = lines(
    'FROM base:1',
    'WORKDIR /w',
    'COPY a.txt one',
    'COPY a.txt b.txt many/',
    'COPY ["a.txt", "with space/"]',
    'COPY tree copied',
    'COPY tree/. copied/',
    'COPY --chown=alice:10 tree owned/by',
    'COPY --chown=7 --chmod=0640 b.txt /etc',
    'COPY to-a linked',
    'RUN ln -s /w/many /w/way',
    'COPY a.txt way/in',
  );
  const { id } = await built(daemon, dockerfile, context);
  const look =
    'find . -exec stat -c "%n %a %u:%g %F" {} + | sort; stat -c %Y one; stat -c "%a %u:%g" /etc/b.txt; cat linked way/in';
  assert.deepEqual((await printed(daemon, id, 'sh', '-c', look)).split('\n'), [
    '. 755 0:0 directory',
    './copied 755 0:0 directory',
    './copied/again 644 0:0 regular file',
    './copied/inner 711 0:0 directory',
    './copied/inner/f 644 0:0 regular file',
    './copied/link 777 0:0 symbolic link',
    './linked 600 0:0 regular file',
    './many 755 0:0 directory',
    './many/a.txt 600 0:0 regular file',
    './many/b.txt 755 0:0 regular file',
    './many/in 600 0:0 regular file',
    './one 600 0:0 regular file',
    './owned 755 0:0 directory',
    './owned/by 755 1000:10 directory',
    './owned/by/again 644 1000:10 regular file',
    './owned/by/inner 711 1000:10 directory',
    './owned/by/inner/f 644 1000:10 regular file',
    './owned/by/link 777 1000:10 symbolic link',
    './way 777 0:0 symbolic link',
    './with space 755 0:0 directory',
    './with space/a.txt 600 0:0 regular file',
    '1000000000',
    '640 7:7',
    'aa',
  ]);
});

test('ADD unpacks archives of the context, and copies all else', async () => {
  const inner = tar(directory('d', { uid: 3, gid: 4, mode: 0o750 }), file('d/f', 'packed', { uid: 3 }));
  const context = [file('plain.tar', inner), file('small.tar.gz', gzipSync(inner)), file('no.gz', gzipSync('text'))];
  const dockerfile = lines('FROM base:1', 'ADD plain.tar /p', 'ADD small.tar.gz no.gz /g/', 'ADD --chown=9:9 no.gz /n');
  const { id } = await built(daemon, dockerfile, context);
  const look = 'cat /p/d/f /g/d/f; stat -c "%u:%g %a" /p/d /n; zcat /g/no.gz';
  assert.equal(await printed(daemon, id, 'sh', '-c', look), 'packedpacked3:4 750\n9:9 644\ntext');
  for (const [name, data] of [
    ['x.xz', '\xfd7zXZ\0'],
    ['x.bz2', 'BZh9'],
  ] as const) {
    const { problem } = await build(daemon, `FROM base:1\nADD ${name} /`, [file(name, Buffer.from(data, 'latin1'))]);
    assert.match(problem?.detail ?? '', /^ADD failed: x\.\w+ is compressed with \w+, which is not unpacked/);
  }
});

test('stages: by name, by number, of other images, up to a target, of nothing', async () => {
  const dockerfile = lines(
    'FROM base:1 AS first',
    'RUN echo made > /made',
    'FROM first AS second',
    'RUN echo more >> /made',
    'FROM scratch',
    'COPY --from=SECOND /made /from/name',
    'COPY --from=0 /made /from/number',
    'COPY --from=base:1 /bin /bin',
    'CMD ["cat", "/from/name", "/from/number"]',
  );
  const { id } = await built(daemon, dockerfile);
  assert.equal(await printed(daemon, id), 'made\nmore\nmade\n');
  const { config } = await inspect(id);
  assert.deepEqual([config.env?.length, config.labels], [1, undefined]);
  const target = await built(daemon, dockerfile, [], { target: 'second' });
  assert.equal(await printed(daemon, target.id, 'cat', '/made'), 'made\nmore\n');
  assert.match(target.output, /^Step 1\/4 /);
  const { problem } = await build(daemon, dockerfile, [], { target: 'third' });
  assert.deepEqual([problem?.code, problem?.field], ['invalid_field', 'target']);
});

test('triggers of the base image run, and are not those of the image', async () => {
  const { id, output } = await built(daemon, 'FROM triggers:1\nRUN echo "$TRIGGERED"', [file('trigger', 'pulled')]);
  assert.match(output, /# Executing 2 build triggers\n/);
  assert.equal(await printed(daemon, id, 'cat', '/trigger'), 'pulled');
  assert.equal((await inspect(id)).config.onBuild, undefined);
});

test('.dockerignore and the Dockerfile are in the context, unless they are ignored', async () => {
  const dockerfile = 'FROM base:1\nCOPY . /all\nCOPY .docker* /wild/';
  const own = await built(daemon, dockerfile, [file('.dockerignore', '# nothing'), file('f')]);
  assert.equal(
    await printed(daemon, own.id, 'sh', '-c', 'ls -A /all /wild'),
    '/all:\n.dockerignore\nDockerfile\nf\n\n/wild:\n.dockerignore\n',
  );
  const { id } = await built(daemon, 'FROM base:1\nCOPY . /all', [
    file('.dockerignore', 'Docker*\n.docker*'),
    file('f'),
  ]);
  assert.equal(await printed(daemon, id, 'ls', '-A', '/all'), 'f\n');
  const other = [file('sub/Other.file', 'FROM base:1\nCMD ["echo", "other"]')];
  const named = await built(daemon, 'FROM nothing', other, { dockerfile: 'sub/Other.file' });
  assert.equal(await printed(daemon, named.id), 'other\n');
});

test('a build that fails says why, and keeps the steps before', async () => {
  for (const [dockerfile, code, detail] of [
    [
      'FROM base:1\nRUN echo seen; exit 3',
      'build_failed',
      "The command '/bin/sh -c echo seen; exit 3' returned a non-zero code: 3",
    ],
    ['FROM base:1\nCOPY missing /', 'build_failed', 'COPY failed: missing is not there'],
    ['FROM base:1\nCOPY miss* /', 'build_failed', 'COPY failed: no source files were specified'],
    ['FROM base:1\nCOPY Dockerfile Dockerfile /one', 'build_failed', 'When using COPY with more than one source file'],
    ['FROM base:1\nCOPY ../x /', 'build_failed', 'COPY failed: forbidden path outside the build context: ../x'],
    ['FROM base:1\nCOPY --chown=nobody-here Dockerfile /', 'build_failed', 'there is no user "nobody-here"'],
    ['FROM base:1\nCOPY Dockerfile /etc/passwd/x', 'build_failed', 'COPY failed: /etc/passwd is not a directory'],
    ['FROM base:1\nWORKDIR /etc/passwd', 'build_failed', 'WORKDIR failed: /etc/passwd is not a directory'],
    ['FROM base:1\nRUN --mount=type=cache,target=/x true', 'unsupported', 'RUN --mount is of BuildKit'],
    ['FROM base:1\nCOPY --link Dockerfile /', 'unsupported', 'COPY --link is of BuildKit'],
    ['FROM base:1\nCOPY <<A /a\nx\nA', 'unsupported', 'COPY of a here-document is of BuildKit'],
    ['FROM base:1\nADD http://example.com/a /', 'unsupported', 'ADD of a URL'],
    ['FROM base:1\nENV', 'dockerfile_invalid', 'dockerfile parse error line 2: ENV requires'],
    ['FROM base:1\nENV $', 'dockerfile_invalid', 'dockerfile parse error line 2: ENV $: it is not NAME=value'],
    ['FROM base:1\nNOT', 'dockerfile_invalid', 'unknown instruction: NOT'],
    ['FROM scratch', 'build_failed', 'No image was generated'],
    ['FROM scratch\nRUN x', 'build_failed', 'RUN on nothing'],
    ['FROM localhost:1/none', 'registry_unreachable', ''],
  ] as const) {
    const { problem, result } = await build(daemon, dockerfile);
    assert.deepEqual([result, problem?.code], [undefined, code], `${dockerfile}: ${problem?.detail ?? ''}`);
    assert.ok(problem?.detail.includes(detail), problem?.detail);
  }
  const { problem, output } = await build(daemon, 'FROM base:1\nRUN echo seen; exit 3');
  assert.deepEqual([problem?.exitCode, output.includes('seen\n')], [3, true]);
  for (const query of [
    { squash: 'true' },
    { tag: 'Upper/Case' },
    { tag: 'a@sha256:' + '0'.repeat(64) },
    { buildArg: 'x' },
  ]) {
    const refused = await build(daemon, 'FROM base:1\nCMD x', [], query);
    assert.ok(
      ['unsupported', 'invalid_reference', 'invalid_field'].includes(refused.problem?.code ?? ''),
      JSON.stringify(query),
    );
  }
  assert.deepEqual(await daemon.client.must('GET', '/v1/containers?all=true'), []);
  assert.deepEqual(await readdir(join(daemon.root, 'builds')), []);
});

test('at the command line: a directory without what is ignored, an archive, a Dockerfile alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tare-context-'));
  try {
    await mkdir(join(folder, 'kept'));
    for (const [name, text] of [
      ['Dockerfile', 'FROM base:1\nCOPY . /c\nCMD ["find", "/c", "-type", "f"]'],
      ['.dockerignore', '*\n!kept/in'],
      ['out', ''],
      ['kept/in', ''],
      ['kept/out', ''],
    ] as const) {
      await writeFile(join(folder, name), text);
    }
    const iidfile = join(folder, 'iid');
    const { code, stdout, stderr } = await daemon.cli(['build', '-q', '-t', 'cli:1', '--iidfile', iidfile, folder]);
    assert.deepEqual([code, stderr, stdout.startsWith('sha256:')], [0, '', true]);
    assert.equal(await printed(daemon, 'cli:1'), '/c/kept/in\n');
    await writeFile(join(folder, 'Elsewhere'), 'FROM base:1\nCMD ["echo", "elsewhere"]');
    const context = join(folder, 'kept');
    const other = await daemon.cli(['build', '-t', 'cli:2', '-f', join(folder, 'Elsewhere'), context]);
    assert.deepEqual([other.code, await printed(daemon, 'cli:2')], [0, 'elsewhere\n'], other.stderr);
    const alone = await daemon.cli(['build', '-'], 'FROM base:1\nRUN exit 7');
    assert.deepEqual(
      [alone.code, alone.stderr],
      [7, "tare: The command '/bin/sh -c exit 7' returned a non-zero code: 7\n"],
    );
    const archive = await daemon.cli(['build', '-'], gzipSync(tar(file('Dockerfile', 'FROM base:1\nCMD x'))));
    assert.match(archive.stdout, /Successfully built [0-9a-f]{12}\n$/);
    const unnamed = await daemon.client.must<ImageSummary[]>('GET', '/v1/images?dangling=true');
    assert.ok(unnamed.length > 0);
    const pruned = await daemon.cli(['builder', 'prune', '-f']);
    assert.match(pruned.stdout, /^Deleted build cache objects:\nsha256:/);
    assert.deepEqual(await daemon.client.must('GET', '/v1/images?dangling=true'), []);
    assert.equal((await daemon.cli(['system', 'check'])).stdout, 'The store is sound.\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
