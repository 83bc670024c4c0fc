/** The daemon's options: command line over config file over defaults. */
import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_NETWORKS } from './engine/endpoints/mode.ts';
import { BRIDGE_PORTS_MAX, NETWORK_DEFAULTS, type NetworkOptions } from './engine/endpoints/options.ts';
import { formatAddress, parseAddress } from './network/address.ts';
import type { RegistriesSettings } from './images/registry/settings.ts';
import { DEFAULT_POOLS, poolOf } from './network/ipam/pools.ts';
import { OptionsError } from './options-error.ts';
import { registriesOf } from './registries-option.ts';

export { OptionsError } from './options-error.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface DaemonOptions {
  /** Absolute paths. */
  readonly root: string;
  readonly run: string;
  readonly socket: string;
  /** A second socket, where the Docker Engine API alone is spoken; undefined: none. */
  readonly dockerSocket: string | undefined;
  /** The shim's binary; undefined: the one that belongs to this build. */
  readonly shim: string | undefined;
  readonly logLevel: LogLevel;
  readonly network: NetworkOptions;
  /** Registries of images, by their names. */
  readonly registries: RegistriesSettings;
}

export type Invocation =
  { readonly is: 'run'; readonly options: DaemonOptions } | { readonly is: 'help' } | { readonly is: 'version' };

export const HELP = `Usage: tared [OPTIONS]

The tare daemon. It must run as root.

Options:
      --root DIR                 what outlives a reboot (default /var/lib/tare)
      --run DIR                  sockets (default /run/tare)
      --socket PATH              of the API (default RUN/tare.sock)
      --docker-socket PATH       a second socket for the Docker Engine API alone, such as /run/docker.sock; it is
                                 spoken on the API's socket in any case
      --config FILE              JSON with the keys root, run, socket, dockerSocket, shim, logLevel,
                                 defaultNetwork, publishAddress, addressPools, bridgePorts, registries
      --shim FILE                the tare-shim binary (default: the one of this build)
      --log-level LEVEL          ${LOG_LEVELS.join(', ')} (default info)
      --default-network MODE     of containers that do not say theirs: ${DEFAULT_NETWORKS.join(', ')} (default bridge)
      --publish-address ADDRESS  where ports are published that do not say where (default: at all addresses)
      --address-pool BASE,SIZE   networks get subnets of SIZE bits cut from BASE, such as 10.20.0.0/16,24; may be
                                 given several times
      --version                  print the version
      --help                     print this
`;

const KEYS = ['root', 'run', 'socket', 'dockerSocket', 'shim', 'logLevel', 'defaultNetwork', 'publishAddress'] as const;
type Key = (typeof KEYS)[number];
interface Pool {
  readonly base: string;
  readonly size: number;
}
type Given = Partial<Record<Key, string>> & {
  addressPools?: readonly Pool[];
  bridgePorts?: number;
  registries?: RegistriesSettings;
};

/** `argv` without the program. Throws OptionsError. */
export function parseOptions(argv: readonly string[]): Invocation {
  const values = parseCommandLine(argv);
  if (values.help === true) return { is: 'help' };
  if (values.version === true) return { is: 'version' };
  const typed: Given = {};
  for (const [key, value] of [
    ['root', values.root],
    ['run', values.run],
    ['socket', values.socket],
    ['dockerSocket', values['docker-socket']],
    ['shim', values.shim],
    ['logLevel', values['log-level']],
    ['defaultNetwork', values['default-network']],
    ['publishAddress', values['publish-address']],
  ] as const) {
    if (value !== undefined) typed[key] = value;
  }
  if (values['address-pool'] !== undefined) typed.addressPools = values['address-pool'].map(typedPool);
  const given: Given = { ...(values.config === undefined ? {} : readConfig(values.config)), ...typed };
  const run = pathOf(given.run ?? '/run/tare', 'run');
  return {
    is: 'run',
    options: {
      root: pathOf(given.root ?? '/var/lib/tare', 'root'),
      run,
      socket: given.socket === undefined ? join(run, 'tare.sock') : pathOf(given.socket, 'socket'),
      dockerSocket: given.dockerSocket === undefined ? undefined : pathOf(given.dockerSocket, 'dockerSocket'),
      shim: given.shim === undefined ? undefined : pathOf(given.shim, 'shim'),
      logLevel: logLevelOf(given.logLevel ?? 'info'),
      network: networkOf(given),
      registries: given.registries ?? {},
    },
  };
}

function parseCommandLine(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      options: {
        root: text,
        run: text,
        socket: text,
        'docker-socket': text,
        config: text,
        shim: text,
        'log-level': text,
        'default-network': text,
        'publish-address': text,
        'address-pool': { ...text, multiple: true },
        version: { ...flag, short: 'v' },
        help: { ...flag, short: 'h' },
      },
    }).values;
  } catch (error) {
    const [line] = (error as Error).message.split('. ');
    throw new OptionsError(line ?? '', { cause: error });
  }
}

function readConfig(path: string): Given {
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new OptionsError(`config file ${path}: ${(error as Error).message}`, { cause: error });
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new OptionsError(`config file ${path}: an object is expected`);
  }
  const given: Given = {};
  for (const [key, value] of Object.entries(config)) {
    if (key === 'addressPools') {
      given.addressPools = configuredPools(value, path);
      continue;
    }
    if (key === 'bridgePorts') {
      given.bridgePorts = configuredPorts(value, path);
      continue;
    }
    if (key === 'registries') {
      given.registries = registriesOf(value, `config file ${path}`);
      continue;
    }
    if (!(KEYS as readonly string[]).includes(key))
      throw new OptionsError(`config file ${path}: there is no option "${key}"`);
    if (typeof value !== 'string') throw new OptionsError(`config file ${path}: ${key}: a string is expected`);
    given[key as Key] = value;
  }
  return given;
}

function configuredPools(value: unknown, path: string): Pool[] {
  const isPool = (pool: unknown): pool is Pool =>
    typeof pool === 'object' &&
    pool !== null &&
    Object.keys(pool).length === 2 &&
    'base' in pool &&
    typeof pool.base === 'string' &&
    'size' in pool &&
    typeof pool.size === 'number';
  if (Array.isArray(value) && value.every(isPool)) return value;
  throw new OptionsError(
    `config file ${path}: addressPools: a list of {"base": "10.20.0.0/16", "size": 24} is expected`,
  );
}

function configuredPorts(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= BRIDGE_PORTS_MAX) return value;
  throw new OptionsError(
    `config file ${path}: bridgePorts: a whole number from 1 to ${String(BRIDGE_PORTS_MAX)} is expected`,
  );
}

function typedPool(text: string): Pool {
  const [base = '', size = '', ...rest] = text.split(',');
  if (rest.length > 0 || !/^[0-9]{1,3}$/.test(size)) {
    throw new OptionsError(`address pool "${text}" is not BASE,SIZE such as 10.20.0.0/16,24`);
  }
  return { base, size: Number(size) };
}

/** A family without pools has the built-in ones. */
function networkOf({ defaultNetwork, publishAddress, addressPools, bridgePorts }: Given): NetworkOptions {
  const mode = DEFAULT_NETWORKS.find((name) => name === (defaultNetwork ?? NETWORK_DEFAULTS.defaultNetwork));
  if (mode === undefined) {
    throw new OptionsError(`default network "${defaultNetwork ?? ''}" is none of ${DEFAULT_NETWORKS.join(', ')}`);
  }
  const address = publishAddress === undefined ? undefined : parseAddress(publishAddress);
  if (publishAddress !== undefined && address === undefined) {
    throw new OptionsError(`publish address "${publishAddress}" is no IP address`);
  }
  let pools = NETWORK_DEFAULTS.addressPools;
  try {
    const asked = (addressPools ?? []).map(poolOf);
    const isMissing = !asked.some(({ base }) => base.family === 4);
    pools = isMissing ? [...asked, ...DEFAULT_POOLS] : asked;
  } catch (error) {
    throw new OptionsError(`address pool: ${(error as Error).message}`, { cause: error });
  }
  return {
    defaultNetwork: mode,
    publishAddress: address === undefined ? undefined : formatAddress(address),
    addressPools: pools,
    bridgePorts: bridgePorts ?? NETWORK_DEFAULTS.bridgePorts,
  };
}

function pathOf(text: string, name: string): string {
  if (text === '' || text.includes('\0')) throw new OptionsError(`${name}: "${text}" is not a path`);
  return isAbsolute(text) ? resolve(text) : resolve(process.cwd(), text);
}

function logLevelOf(text: string): LogLevel {
  const level = LOG_LEVELS.find((name) => name === text);
  if (level === undefined) throw new OptionsError(`log level "${text}" is none of ${LOG_LEVELS.join(', ')}`);
  return level;
}
