/** The daemon's options of networks: what is understood, and in which words the rest is refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { NetworkOptions } from '../../../daemon/engine/endpoints/options.ts';
import { formatPrefix } from '../../../daemon/network/address.ts';
import { HELP, OptionsError, parseOptions } from '../../../daemon/options.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-options-'));
});
after(() => rmSync(folder, { recursive: true }));

function networkOf(argv: readonly string[], config?: unknown): NetworkOptions {
  const path = join(folder, 'tared.json');
  if (config !== undefined) writeFileSync(path, JSON.stringify(config));
  const invocation = parseOptions([...(config === undefined ? [] : ['--config', path]), ...argv]);
  assert.ok(invocation.is === 'run');
  return invocation.options.network;
}

const configured = (config: unknown): NetworkOptions => networkOf([], config);
const pools = ({ addressPools }: NetworkOptions): string[] =>
  addressPools.map(({ base, length }) => `${formatPrefix(base)} in /${length}`);

function refused(read: () => unknown, words: string): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof OptionsError);
    assert.equal(error.message.replace(folder, 'DIR'), words);
    return true;
  });
}

const BUILT_IN = ['172.16.0.0/12 in /20', '10.128.0.0/9 in /20'];

test('without any', () => {
  const options = networkOf([]);
  assert.deepEqual(
    [options.defaultNetwork, options.publishAddress, options.bridgePorts, pools(options)],
    ['bridge', undefined, 1000, BUILT_IN],
  );
});

test('every key of the config file is in the help', () => {
  for (const key of ['defaultNetwork', 'publishAddress', 'addressPools', 'bridgePorts'])
    assert.match(HELP, new RegExp(`\\b${key}\\b`));
});

describe('defaultNetwork', () => {
  for (const mode of ['none', 'host', 'bridge']) {
    test(mode, () => {
      assert.equal(configured({ defaultNetwork: mode }).defaultNetwork, mode);
      assert.equal(networkOf(['--default-network', mode]).defaultNetwork, mode);
    });
  }

  test('what is typed comes before the config file', () => {
    assert.equal(networkOf(['--default-network', 'host'], { defaultNetwork: 'none' }).defaultNetwork, 'host');
  });

  for (const mode of ['', 'Bridge', 'back', 'container:web', 'ns:/run/netns/a']) {
    const words = `default network "${mode}" is none of none, host, bridge`;
    test(`"${mode}" is refused`, () => {
      refused(() => configured({ defaultNetwork: mode }), words);
      refused(() => networkOf([`--default-network=${mode}`]), words);
    });
  }

  test('another type is refused', () => {
    refused(
      () => configured({ defaultNetwork: null }),
      'config file DIR/tared.json: defaultNetwork: a string is expected',
    );
  });
});

describe('publishAddress', () => {
  const known = [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['0.0.0.0', '0.0.0.0'],
  ] as const;
  for (const [text, canonical] of known) {
    test(text, () => {
      assert.equal(configured({ publishAddress: text }).publishAddress, canonical);
      assert.equal(networkOf(['--publish-address', text]).publishAddress, canonical);
    });
  }

  for (const text of [
    '',
    'localhost',
    '127.0.0',
    '127.0.0.256',
    '127.0.0.1/8',
    '[::1]',
    'fe80::1%eth0',
    '127.0.0.1:80',
  ]) {
    const words = `publish address "${text}" is no IP address`;
    test(`"${text}" is refused`, () => {
      refused(() => configured({ publishAddress: text }), words);
      refused(() => networkOf([`--publish-address=${text}`]), words);
    });
  }

  test('another type is refused', () => {
    refused(
      () => configured({ publishAddress: ['127.0.0.1'] }),
      'config file DIR/tared.json: publishAddress: a string is expected',
    );
  });
});

describe('addressPools', () => {
  test('in their order; a family without one has the built-in', () => {
    const addressPools = [
      { base: '10.20.0.0/16', size: 24 },
      { base: '192.168.128.0/17', size: 28 },
    ];
    assert.deepEqual(pools(configured({ addressPools })), ['10.20.0.0/16 in /24', '192.168.128.0/17 in /28']);
    const six = [{ base: 'fd12:3456:789a::/48', size: 64 }];
    assert.deepEqual(pools(configured({ addressPools: six })), ['fd12:3456:789a::/48 in /64', ...BUILT_IN]);
    assert.deepEqual(pools(configured({ addressPools: [] })), BUILT_IN);
  });

  test('those that are typed take the place of those in the config file', () => {
    const typed = ['--address-pool', '10.20.0.0/16,24', '--address-pool', 'fd12:3456:789a::/48,64'];
    const config = { addressPools: [{ base: '10.30.0.0/16', size: 24 }] };
    assert.deepEqual(pools(networkOf(typed, config)), ['10.20.0.0/16 in /24', 'fd12:3456:789a::/48 in /64']);
  });

  const bad = [
    ['10.20.0.0', 24, '"10.20.0.0" is no address with a prefix length'],
    ['10.20.0.1/16', 24, '10.20.0.1/16 has bits after its prefix: 10.20.0.0/16'],
    ['10.20.0.0/16', 15, '10.20.0.0/16 cannot be cut into subnets of /15: from /16 to /30 it can'],
    ['10.20.0.0/16', 31, '10.20.0.0/16 cannot be cut into subnets of /31: from /16 to /30 it can'],
  ] as const;
  for (const [base, size, problem] of bad) {
    test(`${base} in /${size} is refused`, () => {
      refused(() => configured({ addressPools: [{ base, size }] }), `address pool: ${problem}`);
      refused(() => networkOf(['--address-pool', `${base},${size}`]), `address pool: ${problem}`);
    });
  }

  test('loopback and multicast are refused', () => {
    for (const base of ['127.0.0.0/8', '224.0.0.0/8', 'ff00::/16'])
      assert.throws(() => configured({ addressPools: [{ base, size: 24 }] }), /^OptionsError: address pool: /);
  });

  for (const text of ['10.20.0.0/16', '10.20.0.0/16,', '10.20.0.0/16,24,28', '10.20.0.0/16,-1', '10.20.0.0/16,2e1']) {
    test(`"${text}" is refused`, () => {
      refused(
        () => networkOf(['--address-pool', text]),
        `address pool "${text}" is not BASE,SIZE such as 10.20.0.0/16,24`,
      );
    });
  }

  const shapes = [
    { base: '10.20.0.0/16', size: 24 },
    '10.20.0.0/16,24',
    ['10.20.0.0/16,24'],
    [null],
    [{ base: '10.20.0.0/16' }],
    [{ base: '10.20.0.0/16', size: '24' }],
    [{ base: '10.20.0.0/16', size: 24, more: 1 }],
  ];
  for (const addressPools of shapes) {
    test(`${JSON.stringify(addressPools)} is refused`, () => {
      refused(
        () => configured({ addressPools }),
        'config file DIR/tared.json: addressPools: a list of {"base": "10.20.0.0/16", "size": 24} is expected',
      );
    });
  }
});

describe('bridgePorts', () => {
  for (const bridgePorts of [1, 2, 1000]) {
    test(String(bridgePorts), () => assert.equal(configured({ bridgePorts }).bridgePorts, bridgePorts));
  }

  for (const bridgePorts of [0, -1, 1001, 1.5, '2', null, true, [2]]) {
    test(`${JSON.stringify(bridgePorts)} is refused`, () => {
      refused(
        () => configured({ bridgePorts }),
        'config file DIR/tared.json: bridgePorts: a whole number from 1 to 1000 is expected',
      );
    });
  }
});

test('a key that is none is refused', () => {
  refused(() => configured({ bridgeports: 2 }), 'config file DIR/tared.json: there is no option "bridgeports"');
});
