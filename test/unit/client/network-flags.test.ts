/** What the network's flags of `run` and `create` say, as the API has it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Value } from '@sinclair/typebox/value';
import fc from 'fast-check';
import { parseArguments } from '../../../client/arguments.ts';
import { withFlag } from '../../../client/create/field-flags.ts';
import { CREATE_FLAGS } from '../../../client/create/flags.ts';
import { createRequest } from '../../../client/create/request.ts';
import { CliError, ProblemError, UsageError } from '../../../client/errors.ts';
import { parseHost } from '../../../client/network/add-host.ts';
import { parseAttachment } from '../../../client/network/attachment.ts';
import { parseInterface, pinsOf } from '../../../client/network/interface.ts';
import { setOptions } from '../../../client/network/options.ts';
import { parsePublish } from '../../../client/network/publish.ts';
import { subnetsOf } from '../../../client/network/subnets.ts';
import { CreateRequest } from '../../../shared/api/container.ts';
import { PROTOCOLS, Publish, type NetworkCreateRequest } from '../../../shared/api/network.ts';

function request(words: string): CreateRequest {
  const made = createRequest(
    parseArguments(['--rootfs', '/', ...words.split(' ').filter((word) => word !== '')], CREATE_FLAGS, false),
    {},
  );
  assert.deepEqual([...Value.Errors(CreateRequest, made)], []);
  return made;
}

/** The sentence of the UsageError. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  assert.fail('it was accepted');
}

describe('--publish', () => {
  it('is read as docker reads it', () => {
    const cases: readonly (readonly [string, Publish])[] = [
      ['80', { containerPort: 80 }],
      [':80', { containerPort: 80 }],
      ['8080:80', { hostPort: 8080, containerPort: 80 }],
      ['53:53/udp', { hostPort: 53, containerPort: 53, protocol: 'udp' }],
      ['9:9/SCTP', { hostPort: 9, containerPort: 9, protocol: 'sctp' }],
      ['127.0.0.1:8080:80', { hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80 }],
      ['127.0.0.1::80', { hostAddress: '127.0.0.1', containerPort: 80 }],
      ['[::1]:8080:80/tcp', { hostAddress: '::1', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
      ['[fd00::5]::80', { hostAddress: 'fd00::5', containerPort: 80 }],
      ['8000-8010:80-90', { hostPort: 8000, containerPort: 80, count: 11 }],
      ['8000-8010:80', { hostPort: 8000, hostPortLast: 8010, containerPort: 80 }],
      ['7000-7002', { containerPort: 7000, count: 3 }],
      ['1-65535:1-65535', { hostPort: 1, containerPort: 1, count: 65_535 }],
    ];
    for (const [text, publish] of cases) assert.deepEqual(parsePublish(text), publish, text);
  });

  it('says what is wrong', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /--publish "" is not \[ADDRESS:\]\[HOSTPORT:\]PORT/],
      ['web', /is not/],
      ['80:', /is not/],
      ['::1:80:80', /is not/],
      ['[::1]:80', /is not/],
      ['fd00::1::80', /is not/],
      ['1:2:3:4', /is not/],
      ['0:80', /ports are 1 to 65535/],
      ['80:70000', /ports are 1 to 65535/],
      ['90-80', /the range 90-80 ends before it begins/],
      ['80:8000-8010', /one port cannot lead to 11 ports/],
      ['8000-8001:80-82', /2 ports cannot lead to 3 ports/],
      ['80/icmp', /"icmp" is no protocol/],
      ['80/', /"" is no protocol/],
      ['80-', /is not/],
    ];
    for (const [text, message] of cases)
      assert.match(
        refusal(() => parsePublish(text)),
        message,
        text,
      );
  });

  const port = fc.integer({ min: 1, max: 65_535 });
  const published = fc.record({
    address: fc.option(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6().map((text) => `[${text}]`),
      ),
      { nil: undefined },
    ),
    host: fc.option(port, { nil: undefined }),
    container: port,
    count: fc.integer({ min: 1, max: 2000 }),
    protocol: fc.option(fc.constantFrom(...PROTOCOLS), { nil: undefined }),
  });

  it('gives what was written, whatever was written', () => {
    fc.assert(
      fc.property(published, ({ address, host, container, count: wished, protocol }) => {
        const count = Math.min(wished, 65_536 - Math.max(host ?? 1, container));
        const range = (first: number) =>
          count === 1 ? String(first) : `${String(first)}-${String(first + count - 1)}`;
        const text = [
          ...(address === undefined ? [] : [address]),
          ...(host === undefined ? (address === undefined ? [] : ['']) : [range(host)]),
          range(container),
        ].join(':');
        assert.deepEqual(parsePublish(protocol === undefined ? text : `${text}/${protocol}`), {
          containerPort: container,
          ...(host === undefined ? {} : { hostPort: host }),
          ...(count === 1 ? {} : { count }),
          ...(address === undefined ? {} : { hostAddress: address.replace(/^\[|\]$/g, '') }),
          ...(protocol === undefined ? {} : { protocol }),
        });
      }),
    );
  });

  it('refuses anything else, or gives what the API takes but for the address', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9:/[\]tcpud.-]{0,24}$/));
    fc.assert(
      fc.property(texts, (text) => {
        let publish: Publish;
        try {
          publish = parsePublish(text);
        } catch (error) {
          assert.ok(error instanceof UsageError);
          return;
        }
        delete publish.hostAddress;
        assert.deepEqual([...Value.Errors(Publish, publish)], []);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('--add-host', () => {
  it('takes both separators and brackets', () => {
    assert.deepEqual(parseHost('db:10.0.0.5'), { name: 'db', address: '10.0.0.5' });
    assert.deepEqual(parseHost('db=10.0.0.5'), { name: 'db', address: '10.0.0.5' });
    assert.deepEqual(parseHost('db:fd00::5'), { name: 'db', address: 'fd00::5' });
    assert.deepEqual(parseHost('db=[fd00::5]'), { name: 'db', address: 'fd00::5' });
    assert.deepEqual(parseHost('host.docker.internal:host-gateway'), {
      name: 'host.docker.internal',
      address: 'host-gateway',
    });
    for (const text of ['', 'db', 'db:', ':10.0.0.5', '=1', 'db='])
      assert.match(
        refusal(() => parseHost(text)),
        /is not NAME:ADDRESS/,
        text,
      );
  });

  it('gives back any name with any address', () => {
    const name = fc.stringMatching(/^[a-z0-9_.-]{1,40}$/);
    const forms = (address: string): string[] => (address.includes(':') ? [address, `[${address}]`] : [address]);
    fc.assert(
      fc.property(name, fc.oneof(fc.ipV4(), fc.ipV6()), fc.constantFrom(':', '='), (host, address, separator) => {
        for (const form of forms(address))
          assert.deepEqual(parseHost(`${host}${separator}${form}`), { name: host, address });
      }),
    );
  });
});

describe('--network', () => {
  it('is a mode, a name, or a long form', () => {
    for (const mode of ['none', 'host', 'container:web', 'ns:/run/netns/a=b,c'])
      assert.deepEqual(parseAttachment(mode), { mode });
    assert.deepEqual(parseAttachment('back'), { endpoint: { network: 'back' } });
    assert.deepEqual(
      parseAttachment(
        'name=back,ip=10.0.0.5,ip6=fd00::5,mac-address=02:42:0a:00:00:05,alias=a,"alias=b",interface=lan0',
      ),
      {
        endpoint: {
          network: 'back',
          ipv4: '10.0.0.5',
          ipv6: 'fd00::5',
          mac: '02:42:0a:00:00:05',
          aliases: ['a', 'b'],
          interface: 'lan0',
        },
      },
    );
  });

  it('says what is wrong', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /names no network/],
      ['alias=a', /has no name/],
      ['name=', /"name" has no value/],
      ['name=back,ip', /"ip" has no value/],
      ['name=back,ip=1.2.3.4,ip=1.2.3.5', /"ip" is given twice/],
      ['name=back,name=front', /"name" is given twice/],
      ['name=host,alias=a', /host is no network/],
      ['name=back,gw-priority=1', /"gw-priority" is not supported/],
      ['name=back,driver-opt=x=y', /unknown key "driver-opt"/],
      ['name=back,"alias=a', /a quote is not closed/],
    ];
    for (const [text, message] of cases)
      assert.match(
        refusal(() => parseAttachment(text)),
        message,
        text,
      );
  });

  it('gives any long form back, in any order', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/).filter((word) => word !== 'host' && word !== 'none');
    const fields = fc.record(
      { ipv4: fc.ipV4(), ipv6: fc.ipV6(), interface: name, aliases: fc.array(name, { minLength: 1, maxLength: 4 }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(name, fields, fc.boolean(), (network, settings, backwards) => {
        const words = [
          `name=${network}`,
          ...(settings.ipv4 === undefined ? [] : [`ip=${settings.ipv4}`]),
          ...(settings.ipv6 === undefined ? [] : [`IP6=${settings.ipv6}`]),
          ...(settings.interface === undefined ? [] : [`interface=${settings.interface}`]),
        ];
        if (backwards) words.reverse();
        words.push(...(settings.aliases ?? []).map((alias) => `alias=${alias}`));
        assert.deepEqual(parseAttachment(words.join(',')), { endpoint: { network, ...settings } });
      }),
    );
  });
});

describe('the network of a request', () => {
  it('is absent where nothing is asked for', () => {
    assert.equal(request('').network, undefined);
    assert.equal(request('--network default').network, undefined);
  });

  it('is a mode or networks', () => {
    assert.deepEqual(request('--network none').network, { mode: 'none' });
    assert.deepEqual(request('--net bridge').network, { mode: 'bridge' });
    assert.deepEqual(request('--network container:web').network, { mode: 'container:web' });
    assert.deepEqual(request('--network back').network, { networks: [{ network: 'back' }] });
    assert.deepEqual(request('--network back --network bridge').network, {
      networks: [{ network: 'back' }, { network: 'bridge' }],
    });
  });

  it('gives the settings to the first network, or to the default one', () => {
    const settings = '--ip 10.0.0.5 --ip6 fd00::5 --mac-address 02:42:0a:00:00:05 --network-alias a --net-alias b';
    const given = { ipv4: '10.0.0.5', ipv6: 'fd00::5', mac: '02:42:0a:00:00:05', aliases: ['a', 'b'] };
    assert.deepEqual(request(settings).network, { networks: [{ network: 'bridge', ...given }] });
    assert.deepEqual(request(`${settings} --network back --network front`).network, {
      networks: [{ network: 'back', ...given }, { network: 'front' }],
    });
  });

  it('takes ports, names and name servers', () => {
    assert.deepEqual(
      request('-p 80:80 -p 53/udp --add-host a:1.2.3.4 --dns 9.9.9.9 --dns-search corp --dns-opt ndots:2').network,
      {
        publish: [
          { hostPort: 80, containerPort: 80 },
          { containerPort: 53, protocol: 'udp' },
        ],
        dns: { servers: ['9.9.9.9'], search: ['corp'], options: ['ndots:2'] },
        hosts: [{ name: 'a', address: '1.2.3.4' }],
      },
    );
    assert.deepEqual(request('--dns-search .').network, { dns: { search: [] } });
    assert.deepEqual(request('-P --expose 80 --expose 9-10/udp --link db --link cache:fast').network, {
      ...{ publishAll: true, expose: ['80/tcp', '9/udp', '10/udp'] },
      hosts: [
        { name: 'db', address: 'container:db' },
        { name: 'fast', address: 'container:cache' },
      ],
    });
  });

  it('refuses what excludes each other', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['--network host --network back', /--network host excludes any other --network/],
      ['--network back --network none', /--network none excludes any other/],
      ['--network host --ip 10.0.0.5', /--ip needs a network, and --network host is none/],
      ['--network container:web --network-alias a', /--network-alias needs a network/],
      ['--network name=back,ip=10.0.0.4 --ip 10.0.0.5', /--ip and ip= of --network exclude each other/],
      ['--network name=back,alias=a --network-alias b', /--network-alias and alias= of --network exclude/],
    ];
    for (const [words, message] of cases)
      assert.match(
        refusal(() => request(words)),
        message,
        words,
      );
  });

  it('assembles interfaces, pins and directories', () => {
    const made = request(
      '--network none --interface name=eth1,add=veth,peer=v1,address=10.0.0.2/24,address=fd00::2/64,route=default@10.0.0.1,route=10.9.0.0/16 ' +
        '--interface name=eth2,create-in-root,add=dummy --pin-namespace net=/run/a --pin-namespace uts=/run/b --mkdir /srv/x',
    );
    assert.deepEqual(made.interfaces, [
      {
        name: 'eth1',
        add: 'veth',
        peer: 'v1',
        addresses: ['10.0.0.2/24', 'fd00::2/64'],
        routes: [{ destination: '0.0.0.0/0', gateway: '10.0.0.1' }, { destination: '10.9.0.0/16' }],
      },
      { name: 'eth2', createInRoot: true, add: 'dummy' },
    ]);
    assert.deepEqual(made.pinNamespaces, { net: '/run/a', uts: '/run/b' });
    assert.deepEqual(made.mkdir, ['/srv/x']);
  });
});

describe('--interface and --pin-namespace', () => {
  it('say what is wrong', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['add=veth', /has no name/],
      ['name=', /"name" has no value/],
      ['name=a,colour=red', /unknown key "colour"/],
      ['name=a,create-in-root=maybe', /true or false, not "maybe"/],
      ['name=a,route=@10.0.0.1', /a route is DESTINATION/],
      ['name=a,route=10.0.0.0\/8@', /a route is DESTINATION/],
      ['name=a,route=default', /the default route has no gateway/],
    ];
    for (const [text, message] of cases)
      assert.match(
        refusal(() => parseInterface(text)),
        message,
        text,
      );
    for (const word of ['net', 'net=', 'time=/x', '=/x'])
      assert.match(
        refusal(() => pinsOf([word])),
        /is not KIND=PATH/,
        word,
      );
    assert.match(
      refusal(() => pinsOf(['net=/a', 'net=/b'])),
      /net is given twice/,
    );
  });

  it('knows the family of a default route by its gateway', () => {
    assert.deepEqual(parseInterface('name=a,route=default@fe80::1,create-in-root=false'), {
      name: 'a',
      createInRoot: false,
      routes: [{ destination: '::/0', gateway: 'fe80::1' }],
    });
  });
});

describe('the subnets of network create', () => {
  it('are paired by family', () => {
    assert.deepEqual(
      subnetsOf({
        subnets: ['fd00:1::/64', '10.1.0.0/16'],
        gateways: ['10.1.0.1', 'fd00:1::1'],
        ranges: ['10.1.5.0/24'],
      }),
      [
        { subnet: 'fd00:1::/64', gateway: 'fd00:1::1' },
        { subnet: '10.1.0.0/16', gateway: '10.1.0.1', range: '10.1.5.0/24' },
      ],
    );
  });

  it('refuses what has no pair', () => {
    const none = { subnets: [], gateways: [], ranges: [] };
    const cases = [
      [{ ...none, gateways: ['10.1.0.1'] }, /--gateway "10.1.0.1" needs an IPv4 --subnet/],
      [{ ...none, subnets: ['10.1.0.0/16'], ranges: ['fd00::/96'] }, /--ip-range "fd00::\/96" needs an IPv6 --subnet/],
      [{ ...none, subnets: ['10.1.0.0/16', '10.2.0.0/16'] }, /there is an IPv4 subnet already/],
      [{ ...none, subnets: ['10.1.0.0/16'], gateways: ['10.1.0.1', '10.1.0.2'] }, /--gateway is given twice for IPv4/],
    ] as const;
    for (const [words, message] of cases)
      assert.match(
        refusal(() => subnetsOf(words)),
        message,
      );
  });

  it("knows docker's words for what it has", () => {
    const made: NetworkCreateRequest = { name: 'back' };
    setOptions(made, [
      'com.docker.network.driver.mtu=1400',
      'com.docker.network.bridge.name=br7',
      'com.docker.network.bridge.enable_icc=false',
    ]);
    assert.deepEqual(made, { name: 'back', mtu: 1400, bridge: 'br7', interContainer: false });
    for (const word of [
      'x',
      'com.docker.network.driver.mtu=big',
      'com.docker.network.bridge.enable_ip_masquerade=false',
    ])
      assert.match(
        refusal(() => setOptions(made, [word])),
        /is not supported/,
      );
  });
});

describe('the flag of a refused field', () => {
  const hintOf = (field: string): string | undefined => {
    const problem = { type: '', title: '', status: 400, detail: 'no', code: 'invalid_field', field };
    const error = withFlag(new ProblemError(problem));
    assert.ok(error instanceof CliError);
    return error.hint;
  };

  it('is told, for what lies in lists and deeper too', () => {
    assert.equal(hintOf('limits.memory'), 'it was given with --memory');
    assert.equal(hintOf('ulimits[0].soft'), 'it was given with --ulimit');
    assert.equal(hintOf('network.publish[12].hostAddress'), 'it was given with --publish');
    assert.equal(hintOf('network.networks[1].ipv4'), 'it was given with --ip, or ip= of --network');
    assert.equal(hintOf('network.networks[1].network'), 'it was given with --network');
    assert.equal(hintOf('network.networks[0].aliases[3]'), 'it was given with --network-alias, or alias= of --network');
    assert.equal(hintOf('network.dns.servers[0]'), 'it was given with --dns');
    assert.equal(hintOf('network.hosts[0].address'), 'it was given with --add-host or --link');
    assert.equal(hintOf('interfaces[0].addresses[1]'), 'it was given with --interface');
    assert.equal(hintOf('pinNamespaces.net'), 'it was given with --pin-namespace');
    assert.equal(hintOf('hostname'), undefined);
  });
});
