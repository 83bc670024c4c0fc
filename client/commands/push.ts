import type { PushRequest, PushResponse } from '../../shared/api/image.ts';
import type { Command, Context } from '../command.ts';
import { registryHeaders } from '../credentials/store.ts';
import { EXIT } from '../errors.ts';
import { withRegistryHint } from '../images/registry-hint.ts';
import { print } from '../output.ts';
import { withProgress } from '../progress/view.ts';
import { imagePath } from '../targets.ts';
import { NO_CONTENT_TRUST } from './pull.ts';

export const push: Command = {
  name: 'push',
  usage: '[OPTIONS] NAME[:TAG] [DESTINATION]',
  summary: 'Send an image to a registry',
  notes: [
    'The registry is a part of the name: give the image one with "tare tag", or name the DESTINATION. Layers that the registry has, also in another repository, are not sent again.',
  ],
  flags: [
    { name: 'all-tags', short: 'a', type: 'boolean', summary: 'every tag of the repository' },
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show only the names' },
    NO_CONTENT_TRUST,
    { name: 'platform', type: 'string', summary: '', refused: 'name the image of the platform by its id' },
  ],
  operands: { min: 1, max: 2 },
  interspersed: true,
  completes: 'image',
  completesRest: 'none',
  failureCode: EXIT.failure,
  async run(input, context) {
    const [name = '', destination] = input.operands;
    const request: PushRequest = {
      ...(destination === undefined ? {} : { destination }),
      ...(input.boolean('all-tags') ? { allTags: true } : {}),
    };
    const quiet = input.boolean('quiet');
    const { pushed } = await pushImage(name, request, context, quiet ? undefined : process.stdout);
    print(
      pushed
        .map((one) => (quiet ? `${one.name}\n` : `${one.name}: digest: ${one.digest} size: ${String(one.size)}\n`))
        .join(''),
    );
    return 0;
  },
};

async function pushImage(
  name: string,
  request: PushRequest,
  { daemon, environment }: Context,
  output: NodeJS.WriteStream | undefined,
): Promise<PushResponse> {
  const target = request.destination ?? name;
  const headers = await registryHeaders(target, environment);
  try {
    return await withProgress(output, 'Pushed', (take) =>
      daemon.progress<PushResponse>(imagePath(name, '/push'), { body: request, headers }, take),
    );
  } catch (error) {
    throw withRegistryHint(error, target);
  }
}
