/** How a container has a network: its mode, from what is asked for, the daemon's default, and its spec. */
import type { ContainerNetwork } from '../../../shared/api/network.ts';
import type { NamespaceType, Spec } from '../../runtime/spec/types.ts';
import { EngineError } from '../errors.ts';

/** The daemon's option `defaultNetwork`. */
export const DEFAULT_NETWORKS = ['none', 'host', 'bridge'] as const;
export type DefaultNetwork = (typeof DEFAULT_NETWORKS)[number];

export type Mode =
  | { readonly is: 'none' }
  | { readonly is: 'host' }
  | { readonly is: 'bridge' }
  /** `ref`: as it was asked for, or the whole id. */
  | { readonly is: 'container'; readonly ref: string }
  | { readonly is: 'path'; readonly path: string };

const CONTAINER = 'container:';
const PATH = 'ns:';

/** Of NetworkMode's text (shared/api/network.ts). */
export function parseMode(text: string): Mode {
  if (text.startsWith(CONTAINER)) return { is: 'container', ref: text.slice(CONTAINER.length) };
  if (text.startsWith(PATH)) return { is: 'path', path: text.slice(PATH.length) };
  if (text === 'host' || text === 'bridge') return { is: text };
  return { is: 'none' };
}

export function modeText(mode: Mode): string {
  if (mode.is === 'container') return CONTAINER + mode.ref;
  return mode.is === 'path' ? PATH + mode.path : mode.is;
}

/** The mode that is asked for; undefined where nothing says which. Throws `invalid_field` for what contradicts itself. */
export function askedMode(asked: ContainerNetwork | undefined): Mode | undefined {
  if (asked === undefined) return undefined;
  const needsBridge = (['publish', 'networks'] as const).find((name) => (asked[name]?.length ?? 0) > 0);
  if (asked.mode === undefined) return needsBridge === undefined ? undefined : { is: 'bridge' };
  const mode = parseMode(asked.mode);
  if (needsBridge !== undefined && mode.is !== 'bridge') {
    throw invalid(`network.${needsBridge}`, `has no meaning with mode "${asked.mode}": it needs mode "bridge"`);
  }
  return mode;
}

/** What the spec says of the network namespace: a new one, the one at a path, or (without an entry) the host's. */
export function modeOfSpec(spec: Spec): Mode {
  const namespace = spec.linux?.namespaces?.find(({ type }) => type === 'network');
  if (namespace === undefined) return { is: 'host' };
  return namespace.path === undefined ? { is: 'none' } : { is: 'path', path: namespace.path };
}

/**
 * The mode of a container whose spec has the last word on its namespaces.
 *
 * @param wanted - what was asked for, or else the default
 * @param isAsked - it was asked for; then a spec that is against it is refused
 */
export function modeWithin(spec: Spec, wanted: Mode, isAsked: boolean): Mode {
  const said = modeOfSpec(spec);
  if (said.is === 'none' && (wanted.is === 'none' || wanted.is === 'bridge')) return wanted;
  if (said.is === wanted.is || (said.is === 'path' && wanted.is === 'container')) return wanted;
  if (isAsked) {
    const says = { none: 'a new network namespace', host: 'no network namespace' }[said.is as string];
    throw invalid('network.mode', `the spec has ${says ?? 'a network namespace with a path'}, which is not this mode`);
  }
  return said;
}

/** The entry of `linux.namespaces`; undefined: none, which is the host's. `joined`: where a container's namespace will be. */
export function namespaceOf(mode: Mode, joined: string): { type: NamespaceType; path?: string } | undefined {
  switch (mode.is) {
    case 'none':
    case 'bridge':
      return { type: 'network' };
    case 'host':
      return undefined;
    case 'container':
      return { type: 'network', path: joined };
    case 'path':
      return { type: 'network', path: mode.path };
  }
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
