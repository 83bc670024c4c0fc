import type { LoadResponse } from '../../shared/api/image.ts';
import { archiveInput } from '../archive-input.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { print } from '../output.ts';
import { withProgress } from '../progress/view.ts';
import { PLATFORM } from './pull.ts';

export const load: Command = {
  name: 'load',
  usage: '[OPTIONS]',
  summary: 'Load images from an archive',
  notes: ['Archives of "docker save" and of the OCI (oci-archive), plain or compressed with gzip or zstd.'],
  flags: [
    {
      name: 'input',
      short: 'i',
      type: 'string',
      value: 'FILE',
      summary: 'read the archive from a file, not from stdin',
      completes: 'file',
    },
    PLATFORM,
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show only what was loaded' },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const upload = archiveInput(input.string('input'), 'name a file with --input, or redirect stdin');
    const query = { platform: input.string('platform') };
    const output = input.boolean('quiet') ? undefined : process.stdout.isTTY ? process.stdout : undefined;
    const { images } = await withProgress(output, 'Loaded', (take) =>
      daemon.progress<LoadResponse>('/images/load', { query, upload }, take),
    );
    for (const { names, id } of images) {
      print(names.length === 0 ? `Loaded image ID: ${id}\n` : names.map((name) => `Loaded image: ${name}\n`).join(''));
    }
    return 0;
  },
};
