/** The classic build. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { file, tar } from '../../../harness/tar.ts';
import { BASE, RICH } from '../images.ts';
import { alone, scenario } from '../runner.ts';
import type { Session } from '../session.ts';

const TAR = { headers: { 'content-type': 'application/x-tar' } };

/** A folder with these files; its path. */
function context(s: Session, files: Readonly<Record<string, string>>): string {
  const folder = s.engine.hostPath(s.name);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const image = (s: Session, tag = '1'): string => `tare.test/${s.name}:${tag}`;

/** Builds, records what it says, and shows the image's configuration. */
async function build(s: Session, files: Readonly<Record<string, string>>, ...options: string[]): Promise<void> {
  await s.docker('build', '-t', image(s), ...options, context(s, files));
}

async function configuration(s: Session): Promise<void> {
  await s.docker('image', 'inspect', '--format', '{{json .Config}}', image(s));
}

const ran = (s: Session, ...command: string[]): Promise<unknown> =>
  s.docker('run', '--rm', '--network', 'none', image(s), ...command);

export const builds = [
  scenario('build: FROM, RUN, COPY, CMD', async (s) => {
    const Dockerfile = `FROM ${BASE}\nRUN echo built >/built\nCOPY f /f\nCMD ["cat", "/built", "/f"]\n`;
    await build(s, { Dockerfile, f: 'copied\n' });
    await ran(s);
    await configuration(s);
  }),
  scenario('build: what is said of the image', async (s) => {
    const Dockerfile = [
      `FROM ${BASE}`,
      'LABEL a=b "c d"="e f"',
      'ENV A=1 B="two words"',
      'WORKDIR /work',
      'WORKDIR deeper',
      'USER alice',
      'EXPOSE 80 53/udp',
      'VOLUME /data',
      'STOPSIGNAL SIGINT',
      'HEALTHCHECK --interval=5s --retries=3 CMD true',
      'SHELL ["/bin/sh", "-ec"]',
      'ENTRYPOINT ["echo"]',
      'CMD ["by", "default"]',
      'MAINTAINER somebody',
      'ONBUILD RUN echo later',
    ].join('\n');
    await build(s, { Dockerfile });
    await configuration(s);
    await s.docker('image', 'inspect', '--format', '{{.Author}}', image(s));
    await ran(s);
  }),
  scenario('build: ARG and ENV', async (s) => {
    const Dockerfile = `ARG WHICH=latest\nFROM tare.test/base:$WHICH\nARG A=default\nARG B\nENV C=\${A}-\${B:-none}\nRUN echo "$A $B $C" >/seen\nCMD cat /seen\n`;
    await build(s, { Dockerfile }, '--build-arg', 'B=given');
    await ran(s);
    await s.docker('build', '-t', image(s), '--build-arg', 'WRONG=1', s.engine.hostPath(s.name));
  }),
  scenario('build: stages', async (s) => {
    const Dockerfile = `FROM ${BASE} AS first\nRUN echo one >/one\nFROM first AS second\nRUN echo two >/two\nFROM ${BASE}\nCOPY --from=first /one /\nCOPY --from=second /two /\nCOPY --from=${RICH} /etc/group /theirs\nCMD cat /one /two\n`;
    await build(s, { Dockerfile });
    await ran(s);
    await s.docker('build', '-q', '--target', 'first', '-t', image(s), s.engine.hostPath(s.name));
    await ran(s, 'ls', '/one', '/two');
    await s.docker('build', '--target', 'absent', s.engine.hostPath(s.name));
  }),
  scenario('build: COPY and ADD', async (s) => {
    const Dockerfile = `FROM ${BASE}\nCOPY a*.txt /globs/\nCOPY --chown=alice:wheel tree /tree\nADD tree/deep /added/\nCOPY ["with space", "/with space"]\nRUN find /globs /tree /added "/with space" -type f | sort >/seen; stat -c "%u %g" /tree/deep/f >>/seen\nCMD cat /seen\n`;
    await build(s, {
      Dockerfile,
      'a1.txt': '1',
      'a2.txt': '2',
      'b.txt': '3',
      'tree/deep/f': 'f',
      'tree/g': 'g',
      'with space': 's',
    });
    await ran(s);
  }),
  scenario('build: .dockerignore', async (s) => {
    const Dockerfile = `FROM ${BASE}\nCOPY . /all\nRUN find /all -type f | sort >/seen\nCMD cat /seen\n`;
    await build(s, {
      Dockerfile,
      '.dockerignore': '*.log\n!keep.log\nsecret\n**/deep\n',
      'x.log': '',
      'keep.log': '',
      'secret/a': '',
      'b/deep/c': '',
      'b/d': '',
    });
    await ran(s);
  }),
  scenario('build: the cache', async (s) => {
    const files = { Dockerfile: `FROM ${BASE}\nRUN echo cached >/x\nCOPY f /f\nRUN cat /f\n`, f: '1' };
    await build(s, files);
    await build(s, files);
    await build(s, { ...files, f: '2' });
    await build(s, files, '--no-cache');
  }),
  scenario('build: what fails', async (s) => {
    await build(s, { Dockerfile: `FROM ${BASE}\nRUN exit 3\n` });
    await build(s, { Dockerfile: `FROM ${BASE}\nCOPY absent /\n` });
    await build(s, { Dockerfile: `FROM ${BASE}\nWRONG x\n` });
    await build(s, { Dockerfile: `RUN x\n` });
    await build(s, { Dockerfile: '' });
    await build(s, { Dockerfile: 'FROM tare.test/absent-image:never\n' }, '--pull=false');
    await build(s, { Dockerfile: `FROM ${BASE}\nCOPY --from=nothing-there /x /\n` });
    await build(s, { Dockerfile: `FROM ${BASE}\nUSER nobody-here\nRUN true\n` });
  }),
  scenario('build: where the Dockerfile is', async (s) => {
    const folder = context(s, { 'sub/Other': `FROM ${BASE}\nCMD echo other\n` });
    await s.docker('build', '-t', image(s), '-f', join(folder, 'sub/Other'), folder);
    await ran(s);
    await s.docker('build', folder);
    await s.dockerWith(`FROM ${BASE}\nCMD echo stdin\n`, 'build', '-q', '-t', image(s), '-');
    await ran(s);
  }),
  scenario('build: options', async (s) => {
    const Dockerfile = `FROM ${BASE}\nRUN cat /sys/class/net/lo/operstate; grep -c peer /etc/hosts || true\n`;
    await build(
      s,
      { Dockerfile },
      '--label',
      'a=b',
      '--network',
      'none',
      '--add-host',
      'peer:192.0.2.1',
      '--memory',
      '64m',
    );
    await configuration(s);
    await build(s, { Dockerfile }, '--force-rm', '-t', image(s, '2'));
    await s.docker('images', '--format', '{{.Tag}}', `tare.test/${s.name}`);
  }),
  scenario('build: ONBUILD runs later', async (s) => {
    await build(s, { Dockerfile: `FROM ${BASE}\nONBUILD RUN echo later >/later\n` });
    const Dockerfile = `FROM ${image(s)}\nCMD cat /later\n`;
    await s.dockerWith(Dockerfile, 'build', '-t', image(s, '2'), '-');
    await s.docker('run', '--rm', '--network', 'none', image(s, '2'));
  }),
  scenario('build: over HTTP', async (s) => {
    const archive = tar(file('Dockerfile', `FROM ${BASE}\nLABEL x=y\n`));
    await s.http('POST', `/build?t=${image(s)}&q=1`, archive, TAR);
    await s.http<{ stream?: string }[]>('POST', `/build?t=${image(s)}`, archive, {
      ...TAR,
      only: (lines) => lines.map(({ stream }) => stream ?? '').join(''),
    });
    await s.http('POST', '/build?t=UPPER', archive, TAR);
    await s.http('POST', '/build?dockerfile=absent', archive, TAR);
    await s.http('POST', '/build', 'no archive', TAR);
    await s.http('POST', '/build', tar(), TAR);
    await s.http('POST', '/build?buildargs=x', archive, TAR);
  }),
  alone('builder prune', async (s) => {
    await s.http<Record<string, unknown>>('POST', '/build/prune', undefined, {
      only: (body) => Object.keys(body).sort(),
    });
    await s.docker('builder', 'prune', '-f');
  }),
];
