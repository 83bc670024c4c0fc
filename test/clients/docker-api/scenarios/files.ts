/** Archives in and out, changes, export, commit. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { directory, file, symlink, tar } from '../../../harness/tar.ts';
import { scenario } from '../runner.ts';
import { created, idle } from '../words.ts';

const TAR = { headers: { 'content-type': 'application/x-tar' } };

/** The names in an archive, sorted. */
function namesOf(archive: Buffer | string): string[] {
  return execFileSync('tar', ['-t'], { input: archive, encoding: 'utf8' }).trim().split('\n').sort();
}

export const files = [
  scenario('cp: in and out', async (s) => {
    await idle(s, s.name);
    const inside = s.engine.hostPath(s.name, 'in.txt');
    const out = s.engine.hostPath(s.name, 'out.txt');
    writeFileSync(inside, 'from outside\n');
    await s.docker('cp', inside, `${s.name}:/tmp/in.txt`);
    await s.docker('exec', s.name, 'cat', '/tmp/in.txt');
    await s.docker('cp', inside, `${s.name}:/tmp`);
    await s.docker('cp', inside, `${s.name}:/tmp/new-name`);
    await s.docker('exec', s.name, 'ls', '/tmp');
    await s.docker('cp', `${s.name}:/tmp/in.txt`, out);
    s.note('out', readFileSync(out, 'utf8'));
  }),
  scenario('cp: folders and links', async (s) => {
    await created(s, s.name);
    const folder = s.engine.hostPath(s.name, 'tree');
    mkdirSync(`${folder}/deep`, { recursive: true });
    writeFileSync(`${folder}/deep/file`, 'x');
    await s.docker('cp', folder, `${s.name}:/tmp`);
    await s.docker('cp', `${folder}/.`, `${s.name}:/tmp`);
    await s.docker('cp', folder, `${s.name}:/tmp/other`);
    await s.must('start', s.name);
    await s.docker('exec', s.name, 'find', '/tmp', '-type', 'f');
    await s.must('exec', s.name, 'ln', '-s', '/etc/group', '/tmp/link');
    const back = s.engine.hostPath(s.name, 'back');
    await s.docker('cp', '-L', `${s.name}:/tmp/link`, back);
    s.note('through the link', readFileSync(back, 'utf8'));
  }),
  scenario('cp: what cannot be', async (s) => {
    await idle(s, s.name);
    const inside = s.engine.hostPath(s.name, 'in.txt');
    writeFileSync(inside, 'x');
    await s.docker('cp', `${s.name}:/absent`, '-');
    await s.docker('cp', inside, `${s.name}:/absent/deep/in.txt`);
    await s.docker('cp', inside, `${s.name}:/absent/`);
    await s.docker('cp', s.engine.hostPath(s.name), `${s.name}:/etc/passwd`);
    await s.docker('cp', `${s.name}:/etc/passwd/x`, '-');
  }),
  scenario('cp: archives on stdin and stdout', async (s) => {
    await idle(s, s.name);
    const archive = tar(directory('d/'), file('d/f', 'content'));
    await s.dockerWith(archive, 'cp', '-', `${s.name}:/tmp`);
    await s.docker('exec', s.name, 'cat', '/tmp/d/f');
    await s.dockerWith('no archive at all', 'cp', '-', `${s.name}:/tmp`);
    const { stdout } = await s.engine.docker('cp', `${s.name}:/tmp/d`, '-');
    s.note('names', namesOf(stdout));
  }),
  scenario('archive: HEAD', async (s) => {
    await created(s, s.name);
    for (const path of ['/etc/passwd', '/bin', '/bin/sh', '/', '/absent', '', 'etc/group']) {
      await s.http('HEAD', `/containers/${s.name}/archive?path=${path}`);
    }
    await s.http('HEAD', `/containers/${s.name}/archive`);
  }),
  scenario('archive: GET and PUT', async (s) => {
    await created(s, s.name);
    const only = (body: unknown): unknown => (typeof body === 'string' ? namesOf(Buffer.from(body)) : body);
    await s.http('GET', `/containers/${s.name}/archive?path=/etc/passwd`, undefined, { only });
    await s.http('GET', `/containers/${s.name}/archive?path=/absent`);
    await s.http('GET', `/containers/${s.name}/archive`);
    const archive = tar(file('made', 'x'), symlink('link', 'made'));
    await s.http('PUT', `/containers/${s.name}/archive?path=/tmp`, archive, TAR);
    await s.http('GET', `/containers/${s.name}/archive?path=/tmp`, undefined, { only });
    await s.http('PUT', `/containers/${s.name}/archive?path=/absent`, archive, TAR);
    await s.http('PUT', `/containers/${s.name}/archive?path=/etc/passwd`, archive, TAR);
    await s.http('PUT', `/containers/${s.name}/archive`, archive, TAR);
    await s.http('PUT', `/containers/${s.name}/archive?path=/tmp`, 'no archive', TAR);
    const folder = tar(directory('passwd/'), file('passwd/x', 'x'));
    await s.http('PUT', `/containers/${s.name}/archive?path=/etc&noOverwriteDirNonDir=1`, folder, TAR);
  }),
  scenario('archive: into a root that is read only', async (s) => {
    await idle(s, s.name, '--read-only', '-v', '/v');
    await s.http('PUT', `/containers/${s.name}/archive?path=/tmp`, tar(file('made', 'x')), TAR);
    await s.http('PUT', `/containers/${s.name}/archive?path=/v`, tar(file('made', 'x')), TAR);
    await s.docker('exec', s.name, 'ls', '/v');
  }),
  scenario('diff', async (s) => {
    await idle(s, s.name);
    await s.http('GET', `/containers/${s.name}/changes`);
    await s.must(
      'exec',
      s.name,
      'sh',
      '-c',
      'echo x >/tmp/made; rm /etc/group; echo y >>/etc/passwd; mkdir -p /var/a/b',
    );
    await s.dockerSorted('diff', s.name);
    await s.http<{ Path: string }[]>('GET', `/containers/${s.name}/changes`, undefined, {
      only: (all) => all.sort((a, b) => (a.Path < b.Path ? -1 : 1)),
    });
  }),
  scenario('export', async (s) => {
    await created(s, s.name);
    const path = s.engine.hostPath(s.name, 'export.tar');
    await s.docker('export', '-o', path, s.name);
    const names = execFileSync('tar', ['-tf', path], { encoding: 'utf8' })
      .split('\n')
      .map((name) => name.replace(/^\.\//, ''));
    s.note('of the image', names.filter((name) => /^(etc|home)\//.test(name)).sort());
    s.note(
      'the rest is there',
      ['bin/busybox', 'tmp/'].map((name) => names.includes(name)),
    );
  }),
  scenario('commit', async (s) => {
    await idle(s, s.name, '-e', 'A=b', '-l', 'of=container');
    await s.must('exec', s.name, 'touch', '/made');
    const image = `tare.test/${s.name}`;
    const changes = [
      '-c',
      'CMD ["ls","/made"]',
      '-c',
      'ENV C=d',
      '-c',
      'LABEL x=y',
      '-c',
      'EXPOSE 80',
      '-c',
      'WORKDIR /tmp',
      '-c',
      'USER alice',
    ];
    await s.docker('commit', '-m', 'a message', '-a', 'an author', ...changes, s.name, image);
    await s.docker(
      'image',
      'inspect',
      '--format',
      '{{json .Config}} {{.Comment}} {{.Author}} {{len .RootFS.Layers}}',
      image,
    );
    await s.docker('run', '--rm', '--network', 'none', image);
    await s.http('POST', `/commit?container=${s.name}&repo=tare.test/${s.name}&tag=2`);
    await s.http('POST', `/commit?container=${s.name}&repo=UPPER`);
    await s.http('POST', '/commit?container=absent');
    await s.http('POST', '/commit');
    await s.http('POST', `/commit?container=${s.name}&changes=WRONG`);
    await s.docker('rmi', image, `${image}:2`);
  }),
];
