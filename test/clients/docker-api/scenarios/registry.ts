/** Push and pull with a registry on loopback. */
import { LOCKED_REGISTRY, REGISTRY } from '../engine.ts';
import { BASE } from '../images.ts';
import { scenario } from '../runner.ts';
import { own } from '../words.ts';

interface Progress {
  readonly status?: string;
  readonly error?: string;
  readonly aux?: object;
}

/** The progress stream in words that do not depend on the pace: each status once. */
function statuses(body: unknown): unknown {
  const lines =
    typeof body === 'string' ? body.split('\n').filter((line) => line.trim() !== '') : [JSON.stringify(body)];
  const all = lines.map((line) => JSON.parse(line) as Progress);
  const words = new Set(
    all.map(
      (line) =>
        line.error ??
        line.status ??
        `aux ${Object.keys(line.aux ?? {})
          .sort()
          .join(' ')}`,
    ),
  );
  for (const passing of [
    'Downloading',
    'Extracting',
    'Waiting',
    'Verifying Checksum',
    'Pushing',
    'Preparing',
    'Layer already exists',
  ])
    words.delete(passing);
  return [...words];
}

const anonymous = { headers: { 'x-registry-auth': 'e30=' } };

export const registry = [
  scenario('push and pull', async (s) => {
    const name = `${REGISTRY}/${s.name}:1`;
    await s.must('tag', BASE, name);
    await s.http('POST', `/images/${REGISTRY}/${s.name}/push?tag=1`, undefined, { ...anonymous, only: statuses });
    await s.docker('push', '-q', name);
    await s.must('rmi', name);
    await s.http('POST', `/images/create?fromImage=${REGISTRY}/${s.name}&tag=1`, undefined, { only: statuses });
    await s.docker('pull', '-q', name);
    await s.docker('image', 'inspect', '--format', '{{.Id}}', name);
    await s.docker('pull', name);
    await s.must('rmi', name);
  }),
  scenario('pull: by digest', async (s) => {
    const name = `${REGISTRY}/${s.name}:1`;
    const local = await own(s, 'here', 'LABEL by=digest');
    await s.must('tag', local, name);
    await s.must('push', '-q', name);
    const digests = await s.must('image', 'inspect', '--format', '{{range .RepoDigests}}{{println .}}{{end}}', name);
    const reference = digests.split('\n').find((digest) => digest.includes(s.name)) ?? 'none';
    await s.must('rmi', name, local);
    await s.docker('pull', reference);
    await s.docker('image', 'inspect', '--format', '{{.RepoTags}} {{.RepoDigests}}', reference);
    await s.docker('run', '--rm', '--network', 'none', reference, 'true');
    await s.docker('rmi', reference);
  }),
  scenario('run: the image is pulled first', async (s) => {
    const name = `${REGISTRY}/${s.name}`;
    await s.must('tag', BASE, name);
    await s.must('push', '-q', name);
    await s.must('rmi', name);
    const { code, stdout } = await s.engine.docker('run', '--rm', '--network', 'none', name, 'echo', 'ran');
    s.note('run', { code, stdout });
    await s.docker('run', '--rm', '--network', 'none', '--pull', 'always', name, 'true');
    await s.must('rmi', name);
  }),
  scenario('pull: what is not there', async (s) => {
    await s.docker('pull', `${REGISTRY}/absent`);
    await s.docker('pull', `${REGISTRY}/absent:1`);
    await s.http('POST', `/images/create?fromImage=${REGISTRY}/absent&tag=1`, undefined, { only: (body) => body });
    await s.docker('run', '--rm', `${REGISTRY}/absent`);
    await s.docker('pull', '127.0.0.1:1/nobody-listens');
  }),
  scenario('pull: names that are none', async (s) => {
    await s.http('POST', '/images/create');
    await s.http('POST', '/images/create?fromImage=UPPER');
    await s.http('POST', '/images/create?fromImage=a%20b');
    await s.docker('pull', 'UPPER');
  }),
  scenario('pull: with a password', async (s) => {
    const name = `${LOCKED_REGISTRY}/${s.name}:1`;
    await s.must('tag', BASE, name);
    const who = (password: string): { headers: Record<string, string> } => ({
      headers: {
        'x-registry-auth': Buffer.from(
          JSON.stringify({ username: 'me', password, serveraddress: LOCKED_REGISTRY }),
        ).toString('base64'),
      },
    });
    const push = `/images/${LOCKED_REGISTRY}/${s.name}/push?tag=1`;
    await s.http('POST', push, undefined, { ...anonymous, only: statuses });
    await s.http('POST', push, undefined, { ...who('wrong'), only: statuses });
    await s.http('POST', push, undefined, { ...who('secret'), only: statuses });
    await s.must('rmi', name);
    const pull = `/images/create?fromImage=${LOCKED_REGISTRY}/${s.name}&tag=1`;
    await s.http('POST', pull, undefined, { only: (body) => body });
    await s.http('POST', pull, undefined, { ...who('secret'), only: statuses });
    await s.http('POST', pull, undefined, { headers: { 'x-registry-auth': 'not base64!' }, only: (body) => body });
    await s.must('rmi', name);
  }),
];
