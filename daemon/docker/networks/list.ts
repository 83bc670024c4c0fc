/** `GET /networks` */
import type { NetworkSummary } from '../../../shared/api/network.ts';
import { DockerError } from '../error.ts';
import { type Filters, admitsLabels, flagOf } from '../filters.ts';
import { type DockerRoute, dockerRoute } from '../route.ts';
import { type Pseudo, PSEUDO, networkShape, pseudoShape } from './shape.ts';

const FILTERS = ['driver', 'type', 'name', 'id', 'label', 'scope', 'dangling'] as const;

export const listNetworks: DockerRoute = dockerRoute({
  method: 'GET',
  path: '/networks',
  handle({ engine }, call) {
    const filters = call.query.filters(FILTERS);
    const isDangling = flagOf(filters, 'dangling');
    // there from the beginning, as every client expects
    engine.defaultNetwork();
    const networks = engine
      .listNetworks({})
      .filter((network) => admits(filters, network))
      .filter(
        (network) => isDangling === undefined || isDangling === isUnused(network, (ref) => engine.inspectNetwork(ref)),
      );
    const pseudo = isDangling === true ? [] : PSEUDO.filter((one) => admits(filters, { ...one, labels: {} }));
    return {
      status: 200,
      json: [
        ...networks.map((network) => networkShape(network, call.version)),
        ...pseudo.map((one) => pseudoShape(one, call.version)),
      ],
    };
  },
});

function isUnused(network: NetworkSummary, inspect: (ref: string) => { readonly containers: object }): boolean {
  return network.name !== 'bridge' && Object.keys(inspect(network.id).containers).length === 0;
}

interface Listed extends Pick<Pseudo, 'id'> {
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
}

function admits(filters: Filters, network: Listed): boolean {
  const any = (key: string, fits: (value: string) => boolean): boolean => {
    const values = filters.get(key);
    return values === undefined || values.length === 0 || values.some(fits);
  };
  const isCustom = !['bridge', 'host', 'none'].includes(network.name);
  return (
    any('driver', (driver) => network.driver === driver) &&
    any('type', (type) => typeOf(type) === isCustom) &&
    any('name', (name) => network.name.includes(name)) &&
    any('id', (id) => network.id.startsWith(id)) &&
    any('scope', (scope) => scope === 'local') &&
    admitsLabels(network.labels, filters)
  );
}

function typeOf(type: string): boolean {
  if (type !== 'custom' && type !== 'builtin')
    throw new DockerError(400, `invalid filter: 'type'='${type.slice(0, 64)}'`);
  return type === 'custom';
}
