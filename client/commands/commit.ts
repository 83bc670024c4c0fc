import type { CommitRequest, StoredImage } from '../../shared/api/image.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { print } from '../output.ts';
import { containerPath } from '../targets.ts';
import { CHANGE } from './import.ts';

export const commit: Command = {
  name: 'commit',
  usage: '[OPTIONS] CONTAINER [NAME[:TAG]]',
  summary: "Make an image of a container's changes",
  notes: ['Prints the id. What is mounted in the container is not part of the image.'],
  flags: [
    { name: 'author', short: 'a', type: 'string', value: 'TEXT', summary: 'who made it' },
    CHANGE,
    { name: 'message', short: 'm', type: 'string', value: 'TEXT', summary: 'a comment in its history' },
    { name: 'pause', short: 'p', type: 'boolean', summary: 'freeze the container meanwhile', default: 'true' },
    { name: 'no-pause', type: 'boolean', summary: 'let it run meanwhile' },
  ],
  operands: { min: 1, max: 2 },
  interspersed: true,
  completes: 'container',
  completesRest: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [ref = '', name] = input.operands;
    const [author, message] = [input.string('author'), input.string('message')];
    const running = input.boolean('no-pause') || (input.has('pause') && !input.boolean('pause'));
    const request: CommitRequest = {
      ...(name === undefined ? {} : { name }),
      ...(author === undefined ? {} : { author }),
      ...(message === undefined ? {} : { message }),
      ...(running ? { pause: false } : {}),
      ...(input.has('change') ? { changes: [...input.list('change')] } : {}),
    };
    const { id } = await daemon.post<StoredImage>(containerPath(ref, '/commit'), request);
    print(`${id}\n`);
    return 0;
  },
};
