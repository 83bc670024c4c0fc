import type { ContainerDetail } from '../../shared/api/container.ts';
import type { Command } from '../command.ts';
import { CliError, EXIT, UsageError } from '../errors.ts';
import { portLines } from '../format/ports.ts';
import { print } from '../output.ts';
import { containerPath } from '../targets.ts';

export const port: Command = {
  name: 'port',
  usage: 'CONTAINER [PORT[/PROTOCOL]]',
  summary: 'Show the published ports of a container',
  notes: ['With a port, only the addresses of the host that lead to it; tcp is meant unless it says otherwise.'],
  flags: [],
  operands: { min: 1, max: 2 },
  interspersed: true,
  completes: 'container',
  completesRest: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [ref = '', word] = input.operands;
    const wanted = word === undefined ? undefined : wantedPort(word);
    const lines = portLines((await daemon.get<ContainerDetail>(containerPath(ref))).ports);
    if (wanted === undefined) {
      print(lines.map(({ container, host }) => `${container} -> ${host}\n`).join(''));
      return 0;
    }
    const found = lines.filter(({ container }) => container === wanted);
    if (found.length === 0) throw new CliError(`container ${ref} does not publish port ${wanted}`);
    print(found.map(({ host }) => `${host}\n`).join(''));
    return 0;
  },
};

function wantedPort(word: string): string {
  const [, number = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? [];
  if (number === '') throw new UsageError(`"${word}" is not PORT[/PROTOCOL]`, { hint: 'such as 80 or 53/udp' });
  return `${String(Number(number))}/${protocol.toLowerCase()}`;
}
