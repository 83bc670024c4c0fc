import type { DisconnectRequest } from '../../../shared/api/network.ts';
import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { networkPath } from '../../targets.ts';

export const disconnect: Command = {
  name: 'network disconnect',
  usage: 'NETWORK CONTAINER',
  summary: 'Disconnect a container from a network, also while it runs',
  flags: [{ name: 'force', short: 'f', type: 'boolean', summary: '', refused: 'nothing holds a disconnection up' }],
  operands: { min: 2, max: 2 },
  interspersed: true,
  completes: 'network',
  completesRest: 'container',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const [network = '', container = ''] = input.operands;
    await daemon.post(networkPath(network, '/disconnect'), { container } satisfies DisconnectRequest);
    return 0;
  },
};
