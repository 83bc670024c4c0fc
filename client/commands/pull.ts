import type { PullRequest } from '../../shared/api/image.ts';
import type { Arguments } from '../arguments.ts';
import type { Command, Context, Flag } from '../command.ts';
import { canonicalName } from '../credentials/registry-name.ts';
import { EXIT } from '../errors.ts';
import { pullImage, type Pulled } from '../images/pull.ts';
import { print } from '../output.ts';

export const PLATFORM: Flag = {
  name: 'platform',
  type: 'string',
  value: 'OS/ARCH[/VARIANT]',
  summary: 'the image for this platform, such as linux/arm64',
};

export const NO_CONTENT_TRUST: Flag = {
  name: 'disable-content-trust',
  type: 'boolean',
  summary: '',
  refused: 'there is no notary; every blob is held against its digest',
};

export const pull: Command = {
  name: 'pull',
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  summary: 'Fetch an image from a registry',
  notes: [
    'Without a registry in its name an image is of docker.io. Layers that are here are not fetched again, and a pull that was interrupted goes on where it was. Credentials are those of "tare login" and of Docker\'s config.json.',
  ],
  flags: [
    { name: 'all-tags', short: 'a', type: 'boolean', summary: 'every tag of the repository' },
    PLATFORM,
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show only the name in full' },
    NO_CONTENT_TRUST,
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'image',
  failureCode: EXIT.failure,
  async run(input, context) {
    const quiet = input.boolean('quiet');
    const request = pullRequest(input);
    const pulled = await pullImage(request, context, quiet ? undefined : process.stdout);
    if (!quiet) print(summary(pulled, request));
    print(fullName(request));
    return 0;
  },
};

function pullRequest(input: Arguments): PullRequest {
  const [reference = ''] = input.operands;
  const platform = input.string('platform');
  return {
    reference,
    ...(platform === undefined ? {} : { platform }),
    ...(input.boolean('all-tags') ? { allTags: true } : {}),
  };
}

function summary({ images, digest, upToDate }: Pulled, { reference, allTags }: PullRequest): string {
  const name = allTags === true ? reference : withTag(reference);
  const all = allTags === true ? ` (${String(images.length)} images)` : '';
  return [
    ...(digest === undefined || allTags === true ? [] : [`Digest: ${digest}`]),
    `Status: ${upToDate ? 'Image is up to date' : 'Downloaded newer image'} for ${name}${all}`,
    '',
  ].join('\n');
}

function fullName({ reference, allTags }: PullRequest): string {
  return `${canonicalName(allTags === true ? reference : withTag(reference))}\n`;
}

/** What is asked for where neither tag nor digest is given. */
export function withTag(reference: string): string {
  return /@|:[^/]*$/.test(reference) ? reference : `${reference}:latest`;
}

/** For `run` and `create`: the same picture, but out of the way of the program's output. */
export async function pullForRun(reference: string, input: Arguments, context: Context): Promise<void> {
  const quiet = input.boolean('quiet');
  const platform = input.string('platform');
  const request: PullRequest = { reference, ...(platform === undefined ? {} : { platform }) };
  const pulled = await pullImage(request, context, quiet ? undefined : process.stderr);
  if (!quiet) process.stderr.write(summary(pulled, request));
}
