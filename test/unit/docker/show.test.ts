/** Containers as the Docker Engine API shows them: texts, ports, mounts, bodies. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { ContainerDetail } from '../../../shared/api/container.ts';
import { exitCodeOfFailure, startFailure } from '../../../daemon/docker/containers/start-words.ts';
import { askedFor } from '../../../daemon/docker/containers/show/asked.ts';
import { hostConfigShown } from '../../../daemon/docker/containers/show/host-config.ts';
import { humanDuration } from '../../../daemon/docker/containers/show/human-duration.ts';
import { mountsShown } from '../../../daemon/docker/containers/show/mounts.ts';
import { portList, portMap } from '../../../daemon/docker/containers/show/ports.ts';
import { exitCodeOf, stateOf, statusText } from '../../../daemon/docker/containers/show/state.ts';
import { commandText, modeShown } from '../../../daemon/docker/containers/show/summary.ts';
import { withImage } from '../../../daemon/docker/containers/translate/merge-config.ts';
import { namePattern } from '../../../daemon/docker/name-pattern.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

test('durations as go-units says them', () => {
  const said: [number, string][] = [
    [999, 'Less than a second'],
    [SECOND, '1 second'],
    [59 * SECOND, '59 seconds'],
    [60 * SECOND, 'About a minute'],
    [3 * 60 * SECOND, '3 minutes'],
    [HOUR, 'About an hour'],
    [47 * HOUR, '47 hours'],
    [48 * HOUR, '2 days'],
    [15 * 24 * HOUR, '2 weeks'],
    [70 * 24 * HOUR, '2 months'],
    [800 * 24 * HOUR, '2 years'],
  ];
  for (const [milliseconds, text] of said) assert.equal(humanDuration(milliseconds), text);
});

test('states and what is said of them', () => {
  const at = '2026-01-01T00:00:00.000000000Z';
  const now = Date.parse(at) + 2 * SECOND;
  const exit = { unknown: false, code: 3, oomKilled: false, at };
  const of = (more: object) => statusText({ status: 'stopped', restarting: false, startedAt: at, ...more }, now);
  assert.equal(of({ status: 'running' }), 'Up 2 seconds');
  assert.equal(of({ status: 'running', health: 'starting' }), 'Up 2 seconds (health: starting)');
  assert.equal(of({ status: 'running', health: 'unhealthy' }), 'Up 2 seconds (unhealthy)');
  assert.equal(of({ status: 'paused', health: 'healthy' }), 'Up 2 seconds (Paused)');
  assert.equal(of({ exit }), 'Exited (3) 2 seconds ago');
  assert.equal(of({ exit, restarting: true }), 'Restarting (3) 2 seconds ago');
  assert.equal(of({ status: 'created' }), 'Created');
  assert.equal(of({ status: 'removing' }), 'Removal In Progress');
  assert.equal(stateOf({ status: 'creating', restarting: false }), 'created');
  assert.equal(exitCodeOf({ ...exit, code: undefined as never, signal: 'SIGKILL' }), 137);
  assert.equal(exitCodeOf({ unknown: true, oomKilled: false, at }), 255);
});

test('why a start failed, in the words that the CLI reads', () => {
  const beginning = 'unable to start container process: exec: ';
  const [missing, path, closed] = [
    'cannot start a: exec "x y": executable file not found in $PATH: ENOENT',
    'cannot start a: exec "/x": executable file not found: no such file or directory: ENOENT',
    'cannot start a: exec "/x": permission denied: EACCES',
  ];
  assert.ok(startFailure(missing).endsWith(`${beginning}"x y": executable file not found in $PATH: unknown`));
  assert.ok(startFailure(path).endsWith(`${beginning}"/x": stat /x: no such file or directory: unknown`));
  assert.equal(
    startFailure('cannot start web: volume data: device /a: b: not a directory'),
    "error while mounting volume 'data': failed to mount local volume: mount /a: b: not a directory",
  );
  assert.ok(startFailure(closed).endsWith(`${beginning}"/x": permission denied: unknown`));
  assert.deepEqual([missing, path, closed, 'else'].map(exitCodeOfFailure), [127, 127, 126, 128]);
});

test('ports: ranges one by one, both families where no address is said, what is only exposed', () => {
  const ports = [
    { containerPort: 80, hostPort: 8080, count: 2, hostAddress: '127.0.0.1', protocol: 'tcp' as const },
    { containerPort: 53, hostPort: 53, count: 1, protocol: 'udp' as const },
    { containerPort: 9, count: 1, protocol: 'tcp' as const },
  ];
  assert.deepEqual(portMap(ports, ['80/tcp', '90/tcp']), {
    '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
    '81/tcp': [{ HostIp: '127.0.0.1', HostPort: '8081' }],
    '53/udp': [
      { HostIp: '0.0.0.0', HostPort: '53' },
      { HostIp: '::', HostPort: '53' },
    ],
    '90/tcp': null,
  });
  assert.deepEqual(portList(ports.slice(0, 1), ['80/tcp', '90/udp']), [
    { IP: '127.0.0.1', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { IP: '127.0.0.1', PrivatePort: 81, PublicPort: 8081, Type: 'tcp' },
    { PrivatePort: 90, Type: 'udp' },
  ]);
});

test('mounts, with the modes that they were asked for with', () => {
  const mounts = [
    { type: 'bind' as const, source: '/a', destination: '/x', readonly: true, propagation: 'rslave' },
    { type: 'volume' as const, name: 'v', source: '/volumes/v', destination: '/v', readonly: false },
    { type: 'tmpfs' as const, source: '', destination: '/t', readonly: false },
  ];
  const shown = mountsShown(mounts, { Binds: ['/a:/x/:ro,rslave', 'v:/v'], Tmpfs: { '/t': '' } });
  assert.deepEqual(
    shown.map(({ Type, Mode, RW, Propagation }) => [Type, Mode, RW, Propagation]),
    [
      ['bind', 'ro,rslave', false, 'rslave'],
      ['volume', 'z', true, ''],
    ],
  );
});

test('commands and modes in lists', () => {
  assert.equal(commandText(['a b', 'c d', 'e']), "a b 'c d' e");
  const mode = (networkMode: string, namesMode: boolean, networkName?: string) =>
    modeShown({
      networkMode,
      namesMode,
      endpoints: networkName === undefined ? [] : [{ network: 'n', networkName, aliases: [] }],
    });
  assert.deepEqual(
    [mode('host', true), mode('bridge', false, 'bridge'), mode('bridge', true, 'bridge'), mode('bridge', true, 'own')],
    ['host', 'default', 'bridge', 'own'],
  );
});

test('the image’s part of a configuration, where its user says nothing', () => {
  const image = {
    ...{ env: ['A=image', 'B=image'], cmd: ['cmd'], entrypoint: ['entry'], user: 'u', volumes: ['/v'] },
    ...{ labels: { a: 'image', b: 'image' }, exposedPorts: ['80/tcp'], healthcheck: { test: ['NONE'], retries: 2 } },
  };
  assert.deepEqual(withImage({ Env: ['A=own'], Labels: { a: 'own' }, Volumes: { '/w': {} } }, image), {
    ...{ Env: ['A=own', 'B=image'], Labels: { a: 'own', b: 'image' }, User: 'u', Cmd: ['cmd'], Entrypoint: ['entry'] },
    ...{ Volumes: { '/v': {}, '/w': {} }, ExposedPorts: { '80/tcp': {} }, Healthcheck: { Test: ['NONE'], Retries: 2 } },
  });
  const commands = (body: object) => {
    const { Cmd = [], Entrypoint = [] } = withImage(body, image);
    return [Entrypoint, Cmd];
  };
  assert.deepEqual(commands({ Cmd: ['x'] }), [['entry'], ['x']]);
  assert.deepEqual(commands({ Entrypoint: ['x'] }), [['x'], []]);
  assert.deepEqual(commands({ Entrypoint: [''], Cmd: ['x'] }), [[], ['x']]);
  assert.deepEqual(commands({ Entrypoint: [] }), [[], ['cmd']]);
});

test('a container of another client is shown as what would have come to the same', () => {
  const detail = {
    ...{
      networkMode: 'bridge',
      endpoints: [{ networkName: 'own' }],
      exposedPorts: ['80/tcp'],
      labels: {},
      limits: { memory: '64m' },
    },
    ...{
      restart: { name: 'always' },
      logDriver: 'cri',
      spec: { linux: { maskedPaths: ['/proc/kcore'] } },
      rootfs: '/r',
    },
    request: {
      network: { publish: [{ containerPort: 80, hostPort: 8080, count: 2 }] },
      mounts: [{ type: 'bind', source: '/a', target: '/b', readonly: true }],
      devices: [{ source: '/dev/null' }],
    },
  } as unknown as ContainerDetail;
  const { HostConfig = {} } = askedFor(detail, undefined);
  const shown = hostConfigShown(detail, HostConfig);
  assert.equal(shown.NetworkMode, 'own');
  assert.equal(shown.Memory, 64 << 20);
  assert.deepEqual(shown.RestartPolicy, { Name: 'always', MaximumRetryCount: 0 });
  assert.deepEqual(shown.MaskedPaths, ['/proc/kcore']);
  assert.deepEqual(shown.PortBindings, {
    '80/tcp': [{ HostIp: '', HostPort: '8080' }],
    '81/tcp': [{ HostIp: '', HostPort: '8081' }],
  });
  assert.deepEqual(shown.Devices, [
    { PathOnHost: '/dev/null', PathInContainer: '/dev/null', CgroupPermissions: 'rwm' },
  ]);
});

test('patterns of names fit what the regular expression fits', () => {
  const piece = fc.constantFrom('a', 'b', '-', '.', '.*', '\\.');
  const part = fc
    .tuple(fc.constantFrom('', '^'), fc.array(piece, { maxLength: 6 }), fc.constantFrom('', '$'))
    .map(([begin, pieces, end]) => begin + pieces.join('') + end)
    .filter((pattern) => !pattern.includes('\\.*'));
  const pattern = fc.oneof(
    fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|')),
    fc
      .tuple(fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 3 }), fc.constantFrom('', '$'))
      .map(([words, end]) => `^x(${words.join('|')})${end}`),
  );
  const name = fc.array(fc.constantFrom('a', 'b', '-', '.', 'x'), { maxLength: 8 }).map((letters) => letters.join(''));
  fc.assert(
    fc.property(pattern, name, (asked, given) => {
      assert.equal(namePattern(asked)(given), given === asked || new RegExp(asked).test(given), `${asked} ${given}`);
    }),
    { numRuns: 2000 },
  );
  assert.equal(namePattern('(a+)+$')('xx(a+)+$'), true, 'as it stands');
  assert.throws(() => namePattern('a'.repeat(2000)));
});
