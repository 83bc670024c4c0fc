/**
 * Where tare answers otherwise than Debian's dockerd (20.10, API 1.41) and means it, each with its reason. What differs
 * and is not here is an error, and so is what is here and no longer differs. In a pattern `*` stands for anything;
 * `dockerd` and `tare` are patterns of the values, as JSON.
 */
import type { Difference } from './compare.ts';

export interface Listed {
  readonly scenario: string;
  readonly step: string;
  readonly path: string;
  readonly dockerd?: string;
  readonly tare?: string;
  readonly reason: string;
}

type At = readonly [scenario: string, step: string, path: string, dockerd?: string, tare?: string];

/** One reason for several places. */
function because(reason: string, ...places: readonly At[]): Listed[] {
  return places.map(([scenario, step, path, dockerd, tare]) => ({
    ...{ scenario, step, path, reason },
    ...(dockerd === undefined ? {} : { dockerd }),
    ...(tare === undefined ? {} : { tare }),
  }));
}

const everywhere: readonly Listed[] = [
  ...because(
    'newer dockerds begin it with a small letter',
    ['*', '*', 'body.message', '"Invalid filter *', '"invalid filter *'],
    ['*', '*', 'stderr', '*: Invalid filter *', '*: invalid filter *'],
  ),
  ...because(
    'a filter that is none is the fault of who asks: 400, as newer dockerds say, and their words',
    ['*', '*filters=*', 'status', '500', '400'],
    ['*', '*filters=*', 'body.message', '*', '"invalid filter"'],
  ),
  ...because(
    'a body that is no JSON is the fault of who asks: 400, as newer dockerds say; the words are those of our parser',
    ['*', 'POST *', 'status', '500', '400'],
    ['*', 'POST *', 'body.message', '"unexpected EOF"', '"invalid JSON: *'],
    ['create: bodies that are none', '*', 'body.message'],
  ),
  ...because(
    'networks have IPv6 where nothing else is said, from a prefix of our own',
    ['*', '*', '*EnableIPv6', 'false', 'true'],
    ['*', '*', '*IPv6Gateway', '""'],
    ['*', '*', '*GlobalIPv6Address', '""'],
    ['*', '*', '*GlobalIPv6PrefixLen', '0', '64'],
    ['network *', '*', 'body.IPAM.Config.1.*', 'undefined'],
  ),
  ...because(
    'subnets are cut from pools of /20, so that there are more of them',
    ['*', '*', '*IPPrefixLen', '16', '20'],
    ['*', '*', '*.Subnet', '"<address>/16"', '"<address>/20"'],
    ['*', '*', '*.IPv4Address', '"<address>/16"', '"<address>/20"'],
  ),
  ...because('newer dockerds say it, and clients ask for it', ['network *', '*', '*EnableIPv4', 'undefined', 'true']),
  ...because('the mode of containers of both engines; ours is no network, and has no id', [
    ...(['*', '*', '*.Networks.none.*ID', '"<id>"', '""'] as const),
  ]),
  ...because('where the files of a volume are is ours to say', ['*', '*', '*.Mounts.*.Source', '*/_data"', '*/data"']),
  ...because('there is more that is hidden, and the order is that of the alphabet', [
    '*',
    '*',
    '*HostConfig.MaskedPaths.*',
  ]),
  ...because('more is hidden, and the order is that of the alphabet', ['update', '*', 'stdout.MaskedPaths.*']),
  ...because('the layers are no business of a client', ['*', '*', '*GraphDriver.Data', 'undefined', 'null']),
  ...because('as with cgroup version 2 and newer dockerds, a container sees its own groups alone', [
    '*',
    '*',
    '*CgroupnsMode',
    '"host"',
    '"private"',
  ]),
];

const system: readonly Listed[] = [
  ...because(
    'the API is newer',
    ['ping', 'headers of a ping', 'api-version'],
    ['version: too*', '*', 'body.message', '*1.41"', '*1.51"'],
  ),
  ...because("tells newer clients that the classic builder is what there is; Debian's dockerd leaves it open", [
    ...(['ping', 'headers of a ping', 'builder-version'] as const),
  ]),
  ...because('it is of one piece', ['version: shape', '*', 'body.components.*']),
  ...because(
    'versions below 1.24 are refused, as newer dockerds do, and in JSON like all else',
    ['version: too*', 'GET /v1.0/*', '*'],
    ['version: too*', 'GET /v1.11/*', '*'],
  ),
  ...because(
    "what is no path of Docker's is answered by the native API",
    ['version: too*', 'GET /v1/*', '*'],
    ['version: too*', 'GET /vx.y/*', '*'],
    ['version: too*', 'GET /v1.41.1/*', '*'],
    ['paths that nobody has', 'GET /', '*'],
    ['paths that nobody has', 'GET /nowhere', '*'],
  ),
  ...because('dockerd 20.10 says it twice, newer ones once', [
    '*',
    'GET /images/*',
    'body.message',
    '"no such image: *: No such image: *',
    '"No such image: *',
  ]),
  ...because(
    'nobody can make one here, so nobody is told to',
    ['swarm: there is none', '*', '*', '*This node is not *'],
    ['inspect: by type', '*', 'stderr', '*This node is not a swarm manager*'],
  ),
  ...because(
    'what a registry refuses is 401, as newer dockerds say',
    ['auth', '*', 'status', '500', '401'],
    ['auth', '*', 'body.message', '"login attempt to *', '"unauthorized: *'],
    ['login and logout', '*', 'stderr', '*login attempt to *', '*unauthorized: *'],
  ),
  ...because(
    "Docker's own registry cannot be reached by either",
    ['auth', '*', 'status', '500', '502'],
    ['auth', '*', 'body.message', '*registry-1.docker.io*'],
  ),
  ...because('newer dockerds have no such thing', ['info: shape', '*', 'body.SystemStatus', 'undefined']),
  ...because("Debian's takes a room of the tests for a container", [
    'info: values',
    '*',
    'body.OperatingSystem',
    '*(containerized)"',
  ]),
  ...because('containers always live on', ['info: values', '*', 'body.LiveRestoreEnabled', 'false', 'true']),
  ...because('the runtime is ours', ['info: values', '*', 'body.DefaultRuntime']),
  ...because('refused by name: 501', ['search is answered', '*', '*']),
  ...because('the words say what there is', ['drivers: a network without', '*', 'body.message']),
];

const protocol: readonly Listed[] = [
  ...because('the words of newer dockerds', ['http: content types', '*', 'body.message', '"Content-Type specified *']),
  ...because('the structures that Go reads it into have no names here', [
    'http: words after the body',
    '*',
    'body.message',
    '"json: *',
  ]),
  ...because('words after a body are no JSON: newer dockerds refuse them too', [
    'http: words after the body',
    'POST /v1.41/containers/create',
    '*',
  ]),
  ...because('nobody is sent elsewhere: a path is what it says', ['http: paths*', 'GET /v1.41//*', '*']),
  ...because('every error is JSON', ['http: paths*', 'GET /v1.41/containers/%zz/json', '*']),
  ...because('Node speaks 1.1 to everybody', ['http: 1.0', 'ping', 'status', '"HTTP/1.0 *', '"HTTP/1.1 *']),
  ...because(
    'what is no HTTP is refused by Node, with 400 and its own words',
    ['http: nonsense', '*', ''],
    ['http: chunks that are none', '*', ''],
    ['create: names that are none', 'POST /v1.41/containers/create?name=ü', '*'],
  ),
];

const containers: readonly Listed[] = [
  ...because(
    'what is wrong is said when it is created, as newer dockerds do more and more; dockerd 20.10 says it at the start, or never',
    ['create: modes that cannot be', '*', '*', '201', '400'],
    ['create: modes that cannot be', '*', 'body.Id'],
    ['create: modes that cannot be', '*', 'body.Warnings'],
    ['create: modes that cannot be', '*', 'body.message'],
    ['create: more that cannot be', '*', '*'],
    ['create: mounts that cannot be', '*', '*'],
    ['create: images that are no names', '*', '*'],
    ['create: two networks in one request', '*', '*'],
  ),
  ...because(
    'the words of newer dockerds',
    ['update', 'POST *', 'body.message', '"invalid restart policy \'wrong\'"'],
    ['create: limits that cannot be', '*', 'body.message'],
    ['run: 125, what the engine refuses', '*--runtime*', 'stderr'],
  ),
  ...because('a null error is left out, as newer dockerds do', ['*', '*', '*Error', 'null', 'undefined']),
  ...because('a condition that is none is refused, as newer dockerds do', [
    'wait: one that has ended*',
    '*condition=wrong',
    '*',
  ]),
  ...because(
    '400 with words for what is no number',
    ['list: -n and -l', '*limit=x', '*'],
    ['list: filter by *', '*=x*', 'stderr'],
  ),
  ...because('each name of a container is in it, as the short one is', [
    'run: hostname and hosts',
    '*grep -c box*',
    'stdout',
    '"1\\n"',
    '"2\\n"',
  ]),
  ...because('names are looked up for it by the engine, which asks 192.0.2.1', [
    'run: hostname and hosts',
    '*--dns*',
    'stdout',
  ]),
  ...because('the words say which image is there', [
    'create: platforms',
    '*',
    'body.message',
    '*wanted linux/arm64*',
    '*wanted linux/arm64*',
  ]),
  ...because('what is wrong is said before anything is made: the CLI adds its hint', [
    'run*',
    '*',
    'stderr',
    '*',
    "*See 'docker run --help'.*",
  ]),
  ...because('no program waits at the address: it may come later', ['run -p: ports', '*192.0.2.1*', '*']),
  ...because(
    'files of a container are there from its creation',
    ['inspect: everything*', '*', 'body.*Path', '""', '"<string>"'],
    ['inspect: a container that was never started', '*', 'body.LogPath', '""', '"<string>"'],
  ),
  ...because('an option is kept as it was asked for, and no other is added', [
    'inspect: everything*',
    '*',
    '*SecurityOpt.1',
    '"label=disable"',
    'undefined',
  ]),
  ...because('what has ended has no network', [
    'inspect: a container that has ended',
    '*',
    'body.NetworkSettings.Sandbox*',
  ]),
  ...because('the words say what was wrong', ['container prune', '*', 'body.message', '*"failed to parse value*']),
  ...because(
    'the words say what was wrong with it',
    ['stop: by a signal*', '*t=x', 'body.message'],
    ['kill: signals*', '*signal=999', 'body.message'],
  ),
  ...because('the names of links are no names here', ['rm', '*link=1', '*']),
  ...because("a leading slash is taken as part of the name; dockerd's router sends the client elsewhere", [
    ...(['inspect: by name*', 'status of /*', ''] as const),
  ]),
];

const networksAndVolumes: readonly Listed[] = [
  ...because(
    'options that are none are an empty object or null as it is asked',
    ['network *', '*', '*IPAM.Options'],
    ['volume create', '*', 'body.Options'],
    ['network connect and disconnect', '*', 'stdout.DriverOpts'],
    ['network connect and disconnect', '*', 'stdout.IPAMConfig'],
  ),
  ...because(
    'a word of swarms',
    ['network create: subnet*', '*', '*Attachable'],
    ['network inspect: with containers', '*verbose=x', '*'],
  ),
  ...because('the words say which container it is', ['network rm', '*', '*'], ['volume rm', '*', '*']),
  ...because(
    'the words say what is wrong with what',
    ['network connect and disconnect', '*', 'stderr'],
    ['network connect and disconnect', 'POST *', 'body.message'],
  ),
  ...because(
    'names are letters, digits, "_", "." and "-"',
    ['network create: what cannot be', '*', '*'],
    ['network prune', '*', 'stdout', '*a b*'],
  ),
  ...because(
    'what the volume is mounted from is refused: a bind does it',
    ['volume create: what cannot be', '*', '*'],
    ['volume create: a tmpfs, a bind', '*', '*'],
  ),
  ...because(
    'the gateway is always told, as newer dockerds do',
    ['network create: IPv6', '*', 'stdout', '*', '*Gateway*'],
    ['network inspect: those*', '*', 'body.IPAM.Config.0.Gateway', 'undefined'],
  ),
  ...because('the bridge is made as any other', [
    'network inspect: those*',
    'GET /v1.41/networks/bridge',
    'body.Options.*',
  ]),
  ...because('they are modes: nobody has made them', ['network inspect: those*', '*', 'body.Created', '*', '"0001-*']),
];

const observe: readonly Listed[] = [
  ...because('a volume is created once, and where it is mounted the containers say', [
    'events: networks and volumes',
    '*"volume"*',
    '*',
  ]),
  ...because('a list that is empty', ['df', '*', 'body.BuildCache', 'null']),
  ...because('how many there may be is always known', ['stats: shape', '*', 'body.pids_stats.limit', 'undefined']),
  ...because('the words of newer dockerds, and 400 for what is no time', ['events: filters', '*since=*', '*']),
  ...because('columns may be any: the process is known without ps(1)', ['top', '*-o*args', '*']),
  ...because('ps(1) of the host is not run: what it could say and we cannot is refused', ['top', '*--wrong', '*']),
  ...because('newer dockerds have no such list', ['stats: shape', '*', 'body.*percpu_usage.*']),
  ...because('there are many names for few numbers; those that clients reckon with are given', [
    'stats: shape',
    '*',
    'body.memory_stats.stats.*',
  ]),
  ...because('lists of which no kernel says anything are null, as with cgroup version 2', [
    'stats: shape',
    '*',
    'body.blkio_stats.*',
    '"list"',
    '"null"',
  ]),
];

const streams: readonly Listed[] = [
  ...because(
    'the media type is told to every client, as newer dockerds do',
    ['logs: both*', 'std*', 'type', 'undefined'],
    ['logs: of a terminal', 'raw', 'type', 'undefined'],
  ),
  ...because('what is no time is 400, as newer dockerds say', ['logs: times', '*since=x', 'status', '500', '400']),
  ...because('labels and variables are not kept beside each line', ['logs: details', '*', 'stdout']),
  ...because(
    'what comes in one piece with the request is input: dockerd loses it',
    ['attach: hijacked*', 'attach', 'said.1', '"got \\n"', '"got word\\n"'],
    ['exec: hijacked', 'start', 'body', '*got\\n"', '*got word\\n"'],
  ),
  ...because('127 for what is not there, as newer dockerds say', [
    'exec: what is not there*',
    '*',
    'code',
    '126',
    '127',
  ]),
  ...because('a user who is not there is an error of the request', [
    'exec: what is not there*',
    '* -u nobody-here *',
    '*',
  ]),
  ...because('a process that is not there has no number', ['exec: create and inspect', 'GET *', 'body.Pid']),
  ...because('the structures that Go reads it into have no names here', [
    'exec: bodies*',
    '*',
    'body.message',
    '"json: *',
  ]),
  ...because('the words say that it is over', ['exec: hijacked', '*resize*', 'body.message']),
  ...because(
    'the words are ours: no program unpacks it',
    ['cp: what cannot be', '*', 'stderr'],
    ['cp: archives*', '*', 'stderr'],
    ['archive: GET and PUT', 'PUT *', 'body.message'],
  ),
  ...because('what a client asks in vain is no fault of the server', ['archive: *', 'PUT *', 'status', '500', '4*']),
  ...because('there is what the container has written: what is mounted over it is not', [
    'export',
    'of the image',
    '*',
  ]),
  ...because(
    'the parts of an image are its own, and variables keep their order',
    ['commit', '*inspect*', 'stdout'],
    ['commit', 'docker rmi *', 'stdout'],
  ),
];

const builds: readonly Listed[] = [
  ...because("the image of the step before is in nobody's way", [
    'build: *',
    '*inspect*',
    'stdout.Image',
    '"sha256:*',
    '""',
  ]),
  ...because(
    'the words say what is wrong',
    ['build: what fails', '*', 'stderr'],
    ['build: over HTTP', '*', 'body.message'],
  ),
];

const images: readonly Listed[] = [
  ...because(
    'a digest is known of every image, as with the newer store of dockerd',
    [...(['images: a list', '*', 'body.0.RepoDigests*'] as const)],
    ['images: a list', '*--digests*', 'stdout'],
    ['image inspect', '*', 'body.RepoDigests*'],
  ),
  ...because(
    "of an image's configuration there is what the image says, as newer dockerds do",
    ['image inspect', 'GET *', 'body.*', '*', 'undefined'],
    ['image inspect', '*', 'body.ContainerConfig', 'undefined', 'null'],
  ),
  ...because('the time is known', ['image inspect', '*', 'body.Metadata.LastTagTime']),
  ...because(
    'a reference that is none is one, whatever is wrong with it',
    ['*', '*', 'body.message', '*invalid reference format*', '"invalid reference format"'],
    ['tag', '*', 'body.message', '"invalid tag format"', '"invalid reference format"'],
  ),
  ...because(
    'the words say what is wrong with the archive; 400 before anything is answered',
    ['load: what is no archive', '*', '*'],
    ['import', '*', 'stderr', '*unexpected EOF*'],
  ),
  ...because(
    'an image that is not here is 404 before anything is answered',
    ['absent: an image in every path', 'POST */push*', '*'],
    ['absent: an image in every path', 'docker push *', 'std*'],
  ),
  ...because(
    'the words of our client of registries',
    ['pull: what is not there', '*', 'stderr'],
    ['pull: what is not there', '*', 'body.message'],
    ['pull: names that are none', '*', 'body.message'],
    ['pull: with a password', '*', 'body.message', '"Head *', '"unauthorized: *'],
  ),
];

export const LISTED: readonly Listed[] = [
  ...[images, streams, builds, everywhere, system, protocol, containers, networksAndVolumes, observe].flat(),
];

/** A pattern in which `*` stands for anything. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`).test(text);
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'undefined';

export function covers(listed: Listed, { scenario, step, path, dockerd, tare }: Difference): boolean {
  return (
    matches(listed.scenario, scenario) &&
    matches(listed.step, step) &&
    matches(listed.path, path) &&
    matches(listed.dockerd ?? '*', shown(dockerd)) &&
    matches(listed.tare ?? '*', shown(tare))
  );
}

export function isListed(difference: Difference): boolean {
  return LISTED.some((listed) => covers(listed, difference));
}
