/** The lines of docs/images.md, docs/storage.md and docs/build.md are executed as they stand there, in order. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon, run } from '../harness/daemon.ts';
import { blocksOf } from '../harness/pages.ts';
import { TestRegistry } from '../harness/registry.ts';
import { registriesOf } from '../../daemon/registries-option.ts';

const top = join(import.meta.dirname, '../..');

let daemon: TestDaemon;
let registry: TestRegistry;
before(async () => {
  daemon = await TestDaemon.open();
  registry = await TestRegistry.open();
});
after(async () => {
  await daemon.close();
  await registry[Symbol.asyncDispose]();
});

/** What the lines under a heading print, in their order. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  'docs/images.md': {
    'From a directory to an image, and back':
      /^sha256:[0-9a-f]{64}\nhello from an image\nbin\n(?:.*\n)*REPOSITORY .*\nsmall +1 .*\nIMAGE .*\n(?:.*\n)*linux\/\w+ \["echo","hello from an image"\]\n$/,
    Registries:
      /: digest: sha256:[0-9a-f]{64} size: \d+\n(?:.*\n)*Status: Downloaded newer image for (?:.*\n)*hello from an image\n$/,
    Archives: /^(?:Untagged|Deleted): (?:.*\n)*Loaded image: .*\/small:1\nLoaded image: .*\/small:1\n$/,
    'Files of a container':
      /^[0-9a-f]{64}\nfrom here\n(?:.*\n)*(?:C|A) \/etc(?:.*\n)*sha256:[0-9a-f]{64}\nfrom here\n(?:[.]\/)?etc\/note\nwork\n$/,
  },
  'docs/storage.md': {
    Volumes: /^sha256:[0-9a-f]{64}\nnotes\nkept\nDRIVER .*\nlocal +notes\n\/.*\/volumes\/notes\/data\nnotes\n$/,
    'Giving space back': /^TYPE +TOTAL (?:.*\n)*Total reclaimed space: /,
    'Is it sound?': /^The store is sound[.]\nThe store is sound[.]\n$/,
  },
  'docs/build.md': {
    'A first image': /^(?:sha256:[0-9a-f]{64}\n){2}4\nhello from a file\nhello from a file\n(?:.*\n)*$/,
  },
};

for (const [page, expected] of Object.entries(EXPECTED)) {
  test(`${page} shows what it promises`, async () => {
    const folder = join(daemon.folder, page.replaceAll('/', '-'));
    mkdirSync(folder);
    const printed = new Map<string, string>();
    for (const { heading, text } of blocksOf(page, 'sh')) {
      const ended = await run('bash', ['-euo', 'pipefail', '-c', text], {
        cwd: folder,
        env: {
          PATH: `${join(top, 'bin')}:${process.env.PATH ?? ''}`,
          TARE_HOST: `unix://${daemon.socket}`,
          DOCKER_CONFIG: join(folder, 'docker'),
          REGISTRY: `${registry.host}/you`,
        },
      });
      assert.equal(ended.code, 0, `${text}\n${ended.stdout}\n${ended.stderr}`);
      printed.set(heading, (printed.get(heading) ?? '') + ended.stdout);
    }
    for (const [heading, pattern] of Object.entries(expected))
      assert.match(printed.get(heading) ?? '', pattern, heading);
  });
}

test('the settings of docs/images.md are ones', () => {
  const [block] = blocksOf('docs/images.md', 'json');
  const { registries } = JSON.parse(block?.text ?? '') as { registries: Record<string, { ca?: string }> };
  const ca = join(daemon.folder, 'ca.pem');
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n');
  for (const settings of Object.values(registries)) if (settings.ca !== undefined) settings.ca = ca;
  assert.deepEqual(Object.keys(registriesOf(registries, 'page')), Object.keys(registries));
});
