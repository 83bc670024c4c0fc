/** Images: lists, inspect, history, names, removal, archives. */
import { BASE, RICH } from '../images.ts';
import { alone, scenario } from '../runner.ts';
import { filters, own } from '../words.ts';

export const images = [
  scenario('image inspect', async (s) => {
    await s.http('GET', `/images/${RICH}/json`);
    // Others give the base further names meanwhile.
    await s.http<{ Config: unknown }>('GET', `/images/${BASE}/json`, undefined, { only: ({ Config }) => Config });
    await s.docker('image', 'inspect', '--format', '{{.Id}} {{.RepoTags}} {{.Os}}/{{.Architecture}}', RICH);
  }),
  scenario('image inspect: by every reference', async (s) => {
    const id = await s.must('image', 'inspect', '--format', '{{.Id}}', BASE);
    const bare = id.replace('sha256:', '');
    for (const reference of [
      'tare.test/base',
      BASE,
      id,
      bare,
      bare.slice(0, 12),
      'tare.test/base:absent',
      `sha256:${'0'.repeat(64)}`,
    ]) {
      await s.http<{ Id?: string }>('GET', `/images/${reference}/json`, undefined, { only: (body) => body.Id ?? body });
    }
    for (const reference of ['UPPER', 'a%20b', 'x:y:z', '@sha256:0']) await s.http('GET', `/images/${reference}/json`);
  }),
  scenario('images: a list', async (s) => {
    await s.http('GET', `/images/json?${filters({ reference: ['tare.test/rich'] })}`);
    await s.docker('images', 'tare.test/rich');
    await s.docker('images', '--no-trunc', '-q', 'tare.test/rich');
    await s.docker('images', '--digests', '--format', '{{.Repository}}:{{.Tag}} {{.Digest}} {{.ID}}', 'tare.test/rich');
    await s.docker('images', 'tare.test/absent');
  }),
  scenario('images: filters', async (s) => {
    const one = await own(s, '1', 'LABEL kind=a');
    await own(s, '2', 'LABEL kind=b');
    const mine = ['--filter', `reference=tare.test/${s.name}`, '--format', '{{.Repository}}:{{.Tag}}'];
    for (const filter of [
      'label=kind',
      'label=kind=a',
      'label=absent',
      `before=tare.test/${s.name}:2`,
      `since=${one}`,
      'dangling=false',
      'dangling=true',
    ]) {
      // made within one second they have no order
      await s.dockerSorted('images', '--filter', filter, ...mine);
    }
    await s.docker('images', '--filter', `reference=tare.test/${s.name}:1`, '--format', '{{.Tag}}');
    await s.dockerSorted('images', '--filter', `reference=*/${s.name}:*`, '--format', '{{.Tag}}');
    await s.docker('images', '--filter', 'dangling=wrong');
    await s.docker('images', '--filter', 'before=absent');
    await s.docker('images', '--filter', 'wrong=1');
    await s.http('GET', '/images/json?filters=x');
    await s.must('rmi', one, `tare.test/${s.name}:2`);
  }),
  scenario('history', async (s) => {
    await s.http('GET', `/images/${RICH}/history`);
    const name = await own(s, '1', 'ENV A=b');
    await s.docker('history', '--no-trunc', '--format', '{{.ID}}|{{.CreatedBy}}|{{.Comment}}|{{.Size}}', name);
    await s.http('GET', '/images/absent/history');
    await s.must('rmi', name);
  }),
  scenario('tag', async (s) => {
    const target = `tare.test/${s.name}`;
    await s.http('POST', `/images/${BASE}/tag?repo=${target}&tag=1`);
    await s.docker('tag', BASE, `${target}:2`);
    await s.docker('tag', BASE, target);
    await s.docker('images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}', target);
    await s.docker('tag', 'absent', target);
    await s.http('POST', `/images/${BASE}/tag?repo=UPPER`);
    await s.http('POST', `/images/${BASE}/tag?repo=${target}&tag=a%20b`);
    await s.http('POST', `/images/${BASE}/tag`);
    await s.docker('tag', await own(s, 'own', 'ENV A=5'), `${target}:1`);
    await s.docker('image', 'inspect', '--format', '{{.Config.Env}}', `${target}:1`);
    await s.must('rmi', `${target}:1`, `${target}:2`, `${target}:own`, target);
  }),
  scenario('rmi: a name, the last name', async (s) => {
    const one = await own(s, '1', 'ENV A=1');
    await s.must('tag', one, `tare.test/${s.name}:other`);
    await s.docker('rmi', `tare.test/${s.name}:other`);
    await s.http('DELETE', `/images/${one}`);
    await s.http('DELETE', `/images/${one}`);
    await s.docker('rmi', 'absent');
    await s.docker('rmi', '-f', 'absent');
  }),
  scenario('rmi: in use', async (s) => {
    const one = await own(s, '1', 'ENV A=1');
    await s.must('create', '--name', s.name, '--network', 'none', one);
    await s.http('DELETE', `/images/${one}`);
    const id = await s.must('image', 'inspect', '--format', '{{.Id}}', one);
    await s.http('DELETE', `/images/${id}`);
    await s.must('start', s.name);
    await s.docker('rmi', one);
    await s.docker('rmi', '-f', one);
    await s.docker('inspect', '--format', '{{.Config.Image}}', s.name);
    await s.must('rm', '-f', s.name);
    await s.docker('rmi', '-f', id);
  }),
  scenario('rmi: by id with two names', async (s) => {
    const one = await own(s, '1', 'ENV A=2');
    await s.must('tag', one, `tare.test/${s.name}:2`);
    const id = await s.must('image', 'inspect', '--format', '{{.Id}}', one);
    await s.http('DELETE', `/images/${id}`);
    await s.http<object[]>('DELETE', `/images/${id}?force=1`, undefined, {
      only: (all) => all.map((item) => Object.keys(item)),
    });
  }),
  scenario('save and load', async (s) => {
    const one = await own(s, '1', 'ENV A=3');
    const path = s.engine.hostPath(s.name, 'image.tar');
    await s.docker('save', '-o', path, one);
    await s.must('rmi', one);
    await s.docker('load', '-i', path);
    await s.docker('load', '-q', '-i', path);
    await s.docker('run', '--rm', '--network', 'none', one, 'sh', '-c', 'echo $A');
    const id = await s.must('image', 'inspect', '--format', '{{.Id}}', one);
    await s.docker('save', '-o', path, id);
    await s.must('rmi', one);
    await s.docker('load', '-i', path);
    await s.must('rmi', id);
    await s.docker('save', 'absent');
    await s.http('GET', '/images/absent/get');
    await s.http('GET', '/images/get?names=absent');
  }),
  scenario('save: two images at once', async (s) => {
    const answer = await s.engine.client.open('GET', `/v1.41/images/get?names=${BASE}&names=${RICH}`);
    s.note('head', [answer.statusCode, answer.headers['content-type']]);
    answer.resume();
  }),
  scenario('load: what is no archive', async (s) => {
    await s.dockerWith('nothing of the kind', 'load');
    await s.dockerWith('', 'load');
    await s.http('POST', '/images/load', Buffer.alloc(1024), { headers: { 'content-type': 'application/x-tar' } });
  }),
  scenario('import', async (s) => {
    const name = `tare.test/${s.name}`;
    const rootfs = `${s.engine.room.folder}/images/layer.tar`;
    await s.docker('import', '-c', 'CMD ["echo","imported"]', '-c', 'ENV A=b', '-m', 'a message', rootfs, name);
    await s.docker('image', 'inspect', '--format', '{{json .Config}} {{.Comment}} {{.RepoTags}}', name);
    await s.docker('run', '--rm', '--network', 'none', name);
    await s.dockerWith('no archive', 'import', '-', name);
    await s.http('POST', '/images/create?fromSrc=-&repo=UPPER', Buffer.alloc(1024), {
      headers: { 'content-type': 'application/x-tar' },
    });
    await s.must('rmi', name);
  }),
  scenario('absent: an image in every path', async (s) => {
    await s.http('POST', '/images/absent/tag?repo=x');
    await s.http('POST', '/images/absent/push?tag=1', undefined, { headers: { 'x-registry-auth': 'e30=' } });
    await s.http('DELETE', '/images/absent');
    await s.docker('history', 'absent');
    await s.docker('push', 'tare.test/absent');
  }),
  alone('image prune', async (s) => {
    const one = await own(s, '1', 'ENV A=4');
    await s.must('tag', BASE, one);
    await s.must('image', 'prune', '-f');
    await s.docker('image', 'prune', '-f');
    const two = await own(s, '2', 'LABEL prune=me');
    await s.docker('image', 'prune', '-af', '--filter', 'label=prune=other');
    await s.docker('image', 'prune', '-af', '--filter', 'label=prune=me');
    await s.docker('image', 'inspect', two);
    await s.http('POST', `/images/prune?${filters({ wrong: ['x'] })}`);
    await s.http('POST', `/images/prune?${filters({ until: ['x'] })}`);
    await s.must('rmi', one);
  }),
];
