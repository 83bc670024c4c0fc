import type { StoredImage } from '../../shared/api/image.ts';
import { archiveInput } from '../archive-input.ts';
import type { Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { print } from '../output.ts';
import { withProgress } from '../progress/view.ts';
import { PLATFORM } from './pull.ts';

/** Lines of a Dockerfile, of import and commit. */
export const CHANGE = {
  name: 'change',
  short: 'c',
  type: 'list',
  value: 'LINE',
  summary: 'a line of a Dockerfile for its configuration: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, …',
} as const;

export const importImage: Command = {
  name: 'import',
  usage: '[OPTIONS] FILE|- [NAME[:TAG]]',
  summary: 'Make an image of an archive of a root file system',
  notes: ['The archive is tar, plain or compressed with gzip or zstd, such as "tare export" writes. Prints the id.'],
  flags: [
    CHANGE,
    { name: 'message', short: 'm', type: 'string', value: 'TEXT', summary: 'a comment in its history' },
    PLATFORM,
  ],
  operands: { min: 1, max: 2 },
  interspersed: true,
  completesRest: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [source = '', name] = input.operands;
    if (/^https?:\/\//.test(source)) {
      throw new UsageError('an archive is not fetched from a URL', { hint: `curl -L ${source} | tare import - NAME` });
    }
    const upload = archiveInput(source === '-' ? undefined : source, 'redirect stdin, or name a file');
    const query = {
      name,
      message: input.string('message'),
      platform: input.string('platform'),
      change: input.list('change'),
    };
    const output = process.stderr.isTTY ? process.stderr : undefined;
    const { id } = await withProgress(output, 'Imported', (take) =>
      daemon.progress<StoredImage>('/images/import', { query, upload }, take),
    );
    print(`${id}\n`);
    return 0;
  },
};
