import type { Arguments } from '../arguments.ts';
import { archiveInput } from '../archive-input.ts';
import { toStandardOutput } from '../archive-output.ts';
import type { Command, Context } from '../command.ts';
import { ArchiveUnpacking, pathStatOf, targetOf } from '../copy/from-container.ts';
import { packFile, packTree } from '../copy/pack.ts';
import { parsePlace, type Place } from '../copy/place.ts';
import { Tally } from '../copy/tally.ts';
import { containerTarget, localSource } from '../copy/to-container.ts';
import { CliError, EXIT, UsageError } from '../errors.ts';
import type { Upload } from '../http/connection.ts';
import type { PieceTaker } from '../http/piece-reading.ts';
import type { ResponseHead } from '../http/response-parser.ts';
import { onInterrupt } from '../interrupt.ts';
import { containerPath } from '../targets.ts';

export const cp: Command = {
  name: 'cp',
  usage: '[OPTIONS] CONTAINER:PATH DEST|-\n       tare cp [OPTIONS] SOURCE|- CONTAINER:PATH',
  summary: 'Copy files between a container and this machine',
  notes: [
    'The container may run or not. What is copied goes into DEST where that is a directory, else it becomes DEST; "DIR/." is what is in DIR. "-" is a tar archive on stdin or stdout. Links are copied as links, and none leads out of the container.',
    'Devices, pipes and extended attributes of a container are not made on this machine; the tar archive has them.',
  ],
  flags: [
    { name: 'archive', short: 'a', type: 'boolean', summary: 'keep owners and groups' },
    { name: 'follow-link', short: 'L', type: 'boolean', summary: 'follow the source where it is a link' },
    { name: 'quiet', short: 'q', type: 'boolean', summary: 'show nothing of how it goes on' },
  ],
  operands: { min: 2, max: 2 },
  interspersed: true,
  failureCode: EXIT.failure,
  run(input, context) {
    const [source = '', destination = ''] = input.operands;
    const [from, to] = [parsePlace(source), parsePlace(destination)];
    if (from.kind === 'container' && to.kind === 'container') {
      throw new UsageError('files are not copied from one container to another', {
        hint: `tare cp ${source} - | tare cp - ${destination}`,
      });
    }
    if (from.kind === 'container') return copyOut(from, to, input, context);
    if (to.kind === 'container') return copyIn(from, to, input, context);
    throw new UsageError('neither of the two is in a container', { hint: 'write CONTAINER:PATH' });
  },
};

type InContainer = Extract<Place, { kind: 'container' }>;

async function copyOut(from: InContainer, to: Place, input: Arguments, { daemon }: Context): Promise<number> {
  const query = { path: from.path, ...(input.boolean('follow-link') ? { follow: true } : {}) };
  const path = containerPath(from.ref, '/archive');
  if (to.kind === 'stream') {
    if (process.stdout.isTTY) throw new CliError('an archive is not shown on a terminal', { hint: 'redirect stdout' });
    await daemon.download('GET', path, { query }, () => toStandardOutput);
    return 0;
  }
  const destination = to.kind === 'local' ? to.path : '';
  const tally = new Tally(`from ${from.ref}:${from.path} to ${destination}`, input.boolean('quiet'));
  const forget = onInterrupt(tally.clear);
  let unpacking: ArchiveUnpacking | undefined;
  try {
    const begin = (head: ResponseHead): PieceTaker => {
      const target = targetOf(from.path, pathStatOf(head).kind, destination);
      const fresh = new ArchiveUnpacking({ ...target, tally, keepOwners: input.boolean('archive') });
      unpacking = fresh;
      return (piece) => {
        fresh.push(piece);
        return undefined;
      };
    };
    await daemon.download('GET', path, { query }, begin, true);
    unpacking?.finish();
  } catch (error) {
    tally.clear();
    throw error;
  } finally {
    forget();
    unpacking?.close();
  }
  return tally.end() ? 0 : EXIT.failure;
}

async function copyIn(from: Place, to: InContainer, input: Arguments, context: Context): Promise<number> {
  const keepOwners = input.boolean('archive') ? { keepOwners: true } : {};
  if (from.kind === 'stream') {
    const upload = archiveInput(undefined, 'redirect stdin');
    await put(to, { path: to.path, ...keepOwners }, upload, context);
    return 0;
  }
  const given = from.kind === 'local' ? from.path : '';
  const source = localSource(given, input.boolean('follow-link'));
  const target = await containerTarget(source, to, context.daemon);
  const tally = new Tally(`from ${given} to ${to.ref}:${to.path}`, input.boolean('quiet'));
  const forget = onInterrupt(tally.clear);
  try {
    const name = Buffer.from(target.name).toString('latin1');
    const packing = { path: source.path, name, tally };
    const packed = packFile(packing) ?? { pieces: packTree(packing) };
    await put(to, { path: target.directory, ...keepOwners }, { contentType: 'application/x-tar', ...packed }, context);
  } catch (error) {
    tally.clear();
    throw error;
  } finally {
    forget();
  }
  return tally.end() ? 0 : EXIT.failure;
}

async function put(
  to: InContainer,
  query: Readonly<Record<string, string | boolean>>,
  upload: Upload,
  { daemon }: Context,
): Promise<void> {
  await daemon.request('PUT', containerPath(to.ref, '/archive'), {
    query,
    upload: { ...upload, waits: true },
  });
}
