/** What looks at everything there is, and what takes it away. */
import { RICH } from '../images.ts';
import { alone } from '../runner.ts';
import { created, ended, filters, idle } from '../words.ts';

export const prune = [
  alone('df', async (s) => {
    await idle(s, s.sub('runs'), '-v', `${s.name}:/v`);
    await s.http<Record<string, unknown[] | null>>('GET', '/system/df', undefined, {
      only: (df) =>
        Object.fromEntries(
          Object.entries(df).map(([key, value]) => [
            key,
            Array.isArray(value)
              ? Object.keys(value[0] ?? {})
                  .sort()
                  .join(' ')
              : value,
          ]),
        ),
    });
    const { code, stdout } = await s.engine.docker('system', 'df');
    s.note('docker system df', { code, rows: stdout.split('\n').map((line) => line.split(/ {2,}/)[0]) });
    const verbose = await s.engine.docker('system', 'df', '-v');
    s.note('docker system df -v', verbose.code);
  }),
  alone('container prune', async (s) => {
    await ended(s, s.sub('end'), 'true', '--label', 'keep');
    await created(s, s.sub('new'));
    await idle(s, s.sub('runs'));
    await s.docker('container', 'prune', '-f', '--filter', 'label!=keep');
    await s.docker('container', 'prune', '-f');
    await s.http('POST', '/containers/prune');
    await s.http('POST', `/containers/prune?${filters({ wrong: ['x'] })}`);
    await s.http('POST', `/containers/prune?${filters({ until: ['x'] })}`);
    await s.docker('ps', '-a', '--format', '{{.Names}}', '--filter', `name=${s.name}`);
  }),
  alone('system prune', async (s) => {
    await ended(s, s.sub('end'), 'true');
    await s.must('network', 'create', s.name);
    await s.must('volume', 'create', s.name);
    await s.docker('system', 'prune', '-f');
    await s.docker('volume', 'inspect', '--format', '{{.Name}}', s.name);
    await s.docker('system', 'prune', '-f', '--volumes');
    await s.docker('volume', 'inspect', s.name);
    await s.docker('image', 'inspect', '--format', '{{.RepoTags}}', RICH);
  }),
];
