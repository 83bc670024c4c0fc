import type { NetworkCreateRequest, NetworkCreateResponse } from '../../../shared/api/network.ts';
import type { Arguments } from '../../arguments.ts';
import type { Command, Flag } from '../../command.ts';
import { labelsOf } from '../../create/environment.ts';
import { withFlag, type FieldFlags } from '../../create/field-flags.ts';
import { EXIT, UsageError } from '../../errors.ts';
import { setOptions } from '../../network/options.ts';
import { subnetsOf } from '../../network/subnets.ts';
import { print } from '../../output.ts';

/** docker's that mean nothing here. */
const REFUSED: readonly Flag[] = [
  ...['attachable', 'ingress', 'config-only'].map((name): Flag => ({
    name,
    type: 'boolean',
    summary: '',
    refused: 'there are no swarms',
  })),
  ...['scope', 'config-from'].map((name): Flag => ({
    name,
    type: 'string',
    summary: '',
    refused: 'there are no swarms',
  })),
  ...['ipam-driver', 'ipam-opt', 'aux-address'].map((name): Flag => ({
    name,
    type: 'list',
    summary: '',
    refused: 'the daemon gives addresses itself; --ip-range keeps it from others',
  })),
];

const FIELDS: FieldFlags = {
  'subnets[].subnet': '--subnet',
  'subnets[].gateway': '--gateway',
  'subnets[].range': '--ip-range',
};

export const create: Command = {
  name: 'network create',
  usage: '[OPTIONS] NETWORK',
  summary: 'Create a network',
  notes: [
    'Prints the id. A network is a bridge of its own with an IPv4 and an IPv6 subnet; what is not given comes from the pool of the daemon.',
    'Example: tare network create --subnet 10.20.0.0/24 --gateway 10.20.0.254 back',
  ],
  flags: [
    {
      name: 'driver',
      short: 'd',
      type: 'string',
      value: 'DRIVER',
      summary: 'bridge is the only one',
      default: 'bridge',
      completes: ['bridge'],
    },
    { name: 'subnet', type: 'list', value: 'CIDR', summary: 'a subnet; at most one of each family' },
    { name: 'gateway', type: 'list', value: 'ADDRESS', summary: "the host's address in the subnet of its family" },
    { name: 'ip-range', type: 'list', value: 'CIDR', summary: 'the part of the subnet that addresses are taken from' },
    { name: 'ipv4', type: 'boolean', summary: 'give it an IPv4 subnet', default: 'true' },
    { name: 'ipv6', type: 'boolean', summary: 'give it an IPv6 subnet', default: 'true' },
    { name: 'internal', type: 'boolean', summary: 'nothing of it reaches outside, nothing outside reaches it' },
    { name: 'no-inter-container', type: 'boolean', summary: 'its containers do not reach each other' },
    { name: 'mtu', type: 'integer', value: 'BYTES', summary: 'largest packet, 1280 to 65535' },
    { name: 'bridge', type: 'string', value: 'NAME', summary: 'name of the bridge on the host' },
    { name: 'label', type: 'list', value: 'KEY[=VALUE]', summary: 'set a label' },
    {
      name: 'opt',
      short: 'o',
      type: 'list',
      value: 'KEY=VALUE',
      summary: "docker's words for --mtu, --bridge and --no-inter-container: com.docker.network.…",
    },
    ...REFUSED,
  ],
  operands: { min: 1, max: 1 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const request = networkRequest(input);
    let created: NetworkCreateResponse;
    try {
      created = await daemon.post('/networks', request);
    } catch (error) {
      throw withFlag(error, FIELDS);
    }
    for (const warning of created.warnings) process.stderr.write(`tare: warning: ${warning}\n`);
    print(`${created.id}\n`);
    return 0;
  },
};

export function networkRequest(input: Arguments): NetworkCreateRequest {
  const driver = input.string('driver') ?? 'bridge';
  if (driver !== 'bridge') {
    throw new UsageError(`--driver "${driver}" is not supported`, {
      hint: 'the only driver is bridge; --interface of "tare run" makes links of other kinds',
    });
  }
  const [name = ''] = input.operands;
  const request: NetworkCreateRequest = { name };
  const subnets = subnetsOf({
    subnets: input.list('subnet'),
    gateways: input.list('gateway'),
    ranges: input.list('ip-range'),
  });
  if (subnets.length > 0) request.subnets = subnets;
  if (input.has('ipv4')) request.ipv4 = input.boolean('ipv4');
  if (input.has('ipv6')) request.ipv6 = input.boolean('ipv6');
  if (input.boolean('internal')) request.internal = true;
  setOptions(request, input.list('opt'));
  if (input.boolean('no-inter-container')) request.interContainer = false;
  const mtu = input.integer('mtu');
  const bridge = input.string('bridge');
  if (mtu !== undefined) request.mtu = mtu;
  if (bridge !== undefined) request.bridge = bridge;
  const labels = labelsOf(input.list('label'), []);
  if (Object.keys(labels).length > 0) request.labels = labels;
  return request;
}
