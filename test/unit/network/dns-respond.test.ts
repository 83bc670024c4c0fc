/** What the DNS server makes of a message, whoever wrote it: dns-packet writes the questions and reads the answers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, encode, RECURSION_DESIRED, TRUNCATED_RESPONSE, type Packet, type RecordType } from 'dns-packet';
import fc from 'fast-check';
import { isReplyTo, readQuery, relayed, type Query, type Transport } from '../../../daemon/network/dns/message.ts';
import { NameTable } from '../../../daemon/network/dns/name-table.ts';
import { respond, type Decision } from '../../../daemon/network/dns/respond.ts';

const RCODE = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 };
const MANY = 250;

const table = new NameTable();
table.attach({
  container: 'web',
  networks: [
    {
      networkId: 'a',
      networkName: 'front',
      name: 'web',
      aliases: [],
      ids: ['0123'],
      ipv4: '10.1.0.2',
      ipv6: 'fd00:1::2',
    },
  ],
});
table.attach({
  container: 'plain',
  networks: [
    { networkId: 'a', networkName: 'front', name: 'plain', aliases: ['odd..name'], ids: [], ipv4: '10.1.0.3' },
  ],
});
for (let index = 0; index < MANY; index++) {
  const ipv4 = `10.1.1.${index}`;
  table.attach({
    container: `many-${index}`,
    networks: [{ networkId: 'a', networkName: 'front', name: `many-${index}`, aliases: ['many'], ids: [], ipv4 }],
  });
}

interface Question {
  readonly type?: RecordType | 'ANY';
  readonly from?: string;
  readonly internal?: boolean;
  readonly transport?: Transport;
  readonly edns?: number;
  readonly packet?: Packet;
}

function question(name: string, { type = 'A', edns, packet }: Question = {}): Buffer {
  return encode({
    type: 'query',
    id: 4711,
    flags: RECURSION_DESIRED,
    questions: [{ type: type as RecordType, name }],
    additionals:
      edns === undefined
        ? []
        : [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: edns,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
    ...packet,
  });
}

function decide(message: Buffer, { from = '10.1.0.2', internal = false, transport = 'udp' }: Question = {}): Decision {
  return respond(message, { network: { id: 'a', internal }, address: from, transport }, table);
}

function answer(name: string, options: Question = {}) {
  const decision = decide(question(name, options), options);
  assert.ok(decision.is === 'reply');
  const { message } = decision;
  const packet = decode(message);
  assert.equal(packet.id, 4711);
  assert.ok(packet.flag_qr && packet.flag_rd && packet.flag_ra);
  const records = (packet.answers ?? []).map((record) => ('data' in record ? record.data : undefined));
  return { message, packet, rcode: message.readUInt16BE(2) & 15, records };
}

describe('a question is answered', () => {
  test('with the addresses of the family that is asked for', () => {
    assert.deepEqual(answer('web').records, ['10.1.0.2']);
    assert.deepEqual(answer('web', { type: 'AAAA' }).records, ['fd00:1::2']);
    assert.deepEqual(answer('web', { type: 'ANY' }).records, ['10.1.0.2', 'fd00:1::2']);
    assert.deepEqual(answer('web', { internal: true }).records, ['10.1.0.2']);
    assert.deepEqual(answer('web', { transport: 'tcp' }).records, ['10.1.0.2']);
  });

  test('with the question as it was spelled, no time to live, and the last word', () => {
    const { packet } = answer('wEb');
    assert.deepEqual(packet.questions, [{ type: 'A', name: 'wEb', class: 'IN' }]);
    assert.deepEqual(packet.answers, [{ type: 'A', name: 'wEb', class: 'IN', flush: false, ttl: 0, data: '10.1.0.2' }]);
    assert.ok(packet.flag_aa);
  });

  for (const [name, type] of [
    ['plain', 'AAAA'],
    ['web', 'MX'],
    ['web', 'TXT'],
    ['web', 'PTR'],
    ['3.0.1.10.in-addr.arpa', 'TXT'],
  ] as const) {
    test(`${name} has no ${type}: no error, no record, and nobody else is asked`, () => {
      const { rcode, records } = answer(name, { type });
      assert.equal(rcode, RCODE.noError);
      assert.deepEqual(records, []);
    });
  }

  test('with the name of an address', () => {
    assert.deepEqual(answer('2.0.1.10.in-addr.arpa', { type: 'PTR' }).records, ['web.front']);
    const six = '2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa';
    assert.deepEqual(answer(six, { type: 'PTR' }).records, ['web.front']);
  });

  test('with as much as fits, and the word that there is more', () => {
    for (const [edns, most] of [
      [undefined, 512],
      [100, 512],
      [1232, 1232],
      [65_535, 4096],
    ] as const) {
      const { message, packet, records } = answer('many', edns === undefined ? {} : { edns });
      assert.ok(message.length <= most && message.length > most - 64, `${message.length} of ${most}`);
      assert.ok(packet.flag_tc && records.length > 0 && records.length < MANY);
      assert.equal(packet.additionals?.length, edns === undefined ? 0 : 1);
    }
    const { packet, records } = answer('many', { transport: 'tcp' });
    assert.ok(!packet.flag_tc);
    assert.equal(new Set(records).size, MANY);
  });
});

describe('a question that is not for the table', () => {
  test('goes to others, with who asked', () => {
    const decision = decide(question('example.org'), {});
    assert.ok(decision.is === 'forward');
    assert.equal(decision.asker.container, 'web');
  });

  test('goes nowhere from an internal network: the name does not exist there (CVE-2024-29018)', () => {
    for (const name of ['example.org', 'single', '1.0.0.127.in-addr.arpa', 'data.exfiltrated.example.org']) {
      for (const type of ['A', 'AAAA', 'TXT', 'PTR', 'NULL', 'ANY'] as const) {
        for (const transport of ['udp', 'tcp'] as const) {
          const { rcode, records } = answer(name, { type, transport, internal: true });
          assert.equal(rcode, RCODE.nxDomain);
          assert.deepEqual(records, []);
        }
      }
    }
  });

  test('of another class is asked of others as it is, or does not exist', () => {
    const chaos: Question = { packet: { questions: [{ type: 'TXT', name: 'version.bind', class: 'CH' }] } };
    assert.equal(decide(question('', chaos), chaos).is, 'forward');
    assert.equal(answer('', { ...chaos, internal: true }).rcode, RCODE.nxDomain);
  });

  test('is refused to strangers, and transfers to all', () => {
    assert.equal(answer('web', { from: '10.1.0.9' }).rcode, RCODE.refused);
    assert.equal(answer('example.org', { from: '192.0.2.7' }).rcode, RCODE.refused);
    assert.equal(answer('example.org', { type: 'AXFR' }).rcode, RCODE.refused);
  });
});

describe('a message that is odd', () => {
  const rcodeOf = (message: Buffer): number | undefined => {
    const decision = decide(message);
    return decision.is === 'reply' ? decision.message.readUInt16BE(2) & 15 : undefined;
  };

  test('is passed over where it is no question', () => {
    assert.equal(decide(Buffer.alloc(0)).is, 'nothing');
    assert.equal(decide(Buffer.alloc(11)).is, 'nothing');
    assert.equal(decide(encode({ type: 'response', questions: [{ type: 'A', name: 'web' }] })).is, 'nothing');
  });

  test('is refused by the code that fits', () => {
    const two = encode({
      type: 'query',
      questions: [
        { type: 'A', name: 'web' },
        { type: 'A', name: 'db' },
      ],
    });
    assert.equal(rcodeOf(two), RCODE.formErr);
    assert.equal(rcodeOf(encode({ type: 'query' })), RCODE.formErr);
    const update = question('web');
    update.writeUInt16BE(5 << 11, 2);
    assert.equal(rcodeOf(update), RCODE.notImp);
    const huge = Buffer.concat([question('web'), Buffer.alloc(5000)]);
    assert.equal(rcodeOf(huge), RCODE.formErr);
    const pointer = Buffer.concat([question('web').subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])]);
    assert.equal(rcodeOf(pointer), RCODE.formErr);
  });

  test('of a later EDNS is told so', () => {
    const message = question('web', { edns: 1232 });
    message.writeUInt8(1, message.length - 11 + 6);
    const decision = decide(message);
    assert.ok(decision.is === 'reply');
    const [opt] = decode(decision.message).additionals ?? [];
    assert.equal(opt?.type === 'OPT' && opt.extendedRcode, 1);
  });

  /** Whatever it is: no exception, no answer to an answer, the asker's number, never longer than it may be. */
  const check = (message: Buffer, transport: Transport, internal: boolean): void => {
    const decision = decide(message, { transport, internal });
    if (decision.is === 'forward') assert.ok(!internal);
    if (decision.is !== 'reply') return;
    assert.equal(decision.message.readUInt16BE(0), message.readUInt16BE(0));
    assert.ok((message.readUInt16BE(2) & 0x8000) === 0 && (decision.message.readUInt16BE(2) & 0x8000) !== 0);
    assert.ok(decision.message.length <= (transport === 'udp' ? 4096 : 65_535));
    assert.equal(decide(decision.message).is, 'nothing');
  };
  const transports = fc.constantFrom<Transport>('udp', 'tcp');

  test('of any bytes does no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), transports, fc.boolean(), (bytes, transport, internal) =>
        check(Buffer.from(bytes), transport, internal),
      ),
      { numRuns: 3000 },
    );
  });

  test('that was a question before bytes of it changed does no harm', () => {
    const base = fc.record({
      name: fc.constantFrom('web', 'many', 'odd..name', 'a.b.example.org', '2.0.1.10.in-addr.arpa', ''),
      type: fc.constantFrom<RecordType>('A', 'AAAA', 'PTR', 'TXT', 'OPT'),
      edns: fc.option(fc.nat(65_535), { nil: undefined }),
      changes: fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }),
      cut: fc.nat(60),
      tail: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(base, transports, fc.boolean(), ({ name, type, edns, changes, cut, tail }, transport, internal) => {
        const whole = question(name, { type, ...(edns === undefined ? {} : { edns }) });
        const message = Buffer.concat([whole.subarray(0, Math.max(0, whole.length - Math.max(0, cut - 30))), tail]);
        for (const [at, value] of changes) if (at < message.length) message[at] = value;
        check(message, transport, internal);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('a reply of a server outside', () => {
  const asked = (): Query => {
    const reading = readQuery(question('Example.org'));
    assert.ok(reading !== undefined && 'query' in reading);
    return reading.query;
  };
  const replyWith = (packet: Packet): Buffer =>
    encode({ type: 'response', id: 99, questions: [{ type: 'A', name: 'example.org' }], ...packet });

  test('counts where number, question and kind are right', () => {
    const query = asked();
    assert.ok(isReplyTo(replyWith({}), query, 99));
    assert.ok(!isReplyTo(replyWith({}), query, 98));
    assert.ok(!isReplyTo(replyWith({ type: 'query' }), query, 99));
    assert.ok(!isReplyTo(replyWith({ questions: [{ type: 'AAAA', name: 'example.org' }] }), query, 99));
    assert.ok(!isReplyTo(replyWith({ questions: [{ type: 'A', name: 'example.com' }] }), query, 99));
    assert.ok(!isReplyTo(replyWith({ questions: [] }), query, 99));
    assert.ok(isReplyTo(replyWith({ questions: [], flags: RCODE.formErr }), query, 99));
  });

  test('goes on under the number of the asker; where it is too long for him its head does', () => {
    const query = asked();
    const data = '192.0.2.1';
    const short = decode(relayed(query, replyWith({ answers: [{ type: 'A', name: 'example.org', data }] }), 'udp'));
    assert.equal(short.id, 4711);
    assert.equal(short.answers?.length, 1);
    const long = replyWith({ answers: Array.from({ length: 50 }, () => ({ type: 'A', name: 'example.org', data })) });
    const cut = decode(relayed(query, long, 'udp'));
    assert.deepEqual([cut.id, cut.answers?.length], [4711, 0]);
    assert.equal((cut.flags ?? 0) & TRUNCATED_RESPONSE, TRUNCATED_RESPONSE);
    assert.equal(decode(relayed(query, long, 'tcp')).answers?.length, 50);
    const bare = relayed(query, replyWith({ questions: [], flags: RCODE.notImp }), 'udp');
    assert.deepEqual([decode(bare).questions?.length, bare.readUInt16BE(2) & 15], [1, RCODE.notImp]);
  });

  test('of any bytes is no reply, or goes on', () => {
    const query = asked();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, isLike) => {
        const reply = Buffer.from(bytes);
        if (isLike && reply.length > 12) replyWith({}).copy(reply);
        if (isReplyTo(reply, query, 99)) assert.equal(relayed(query, reply, 'udp').readUInt16BE(0), 4711);
      }),
      { numRuns: 3000 },
    );
  });
});
