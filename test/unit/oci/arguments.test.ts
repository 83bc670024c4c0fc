import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseArguments } from '../../../oci/arguments.ts';
import type { Flag } from '../../../oci/command.ts';
import { UsageError } from '../../../oci/errors.ts';

const FLAGS: readonly Flag[] = [
  { name: 'bundle', short: 'b', type: 'string', summary: '' },
  { name: 'detach', short: 'd', type: 'boolean', summary: '' },
  { name: 'env', short: 'e', type: 'list', summary: '' },
  { name: 'cpu-quota', type: 'integer', summary: '' },
  { name: 'cpu-share', type: 'integer', summary: '', aliases: ['cpu-shares'] },
  { name: 'format', short: 'f', type: 'string', choices: ['table', 'json'], summary: '' },
  { name: 'keep', type: 'boolean', summary: '', refused: 'there is nothing to keep' },
  { name: 'kernel-memory', type: 'string', summary: '', ignored: 'the kernel has no such limit' },
];

function parse(words: readonly string[], interspersed = true) {
  return parseArguments(words, FLAGS, interspersed);
}

function refusal(...words: string[]): string {
  try {
    parse(words);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    assert.equal(error.exitCode, 1);
    return error.message;
  }
  assert.fail(`${words.join(' ')} was accepted`);
}

describe('the parser of tare-oci’s command line', () => {
  it('reads a flag with one dash or two, its value as the next word or behind "="', () => {
    const spellings = [
      ['--bundle', '/b'],
      ['--bundle=/b'],
      ['-bundle', '/b'],
      ['-bundle=/b'],
      ['-b', '/b'],
      ['-b=/b'],
      ['--b=/b'],
    ];
    for (const words of spellings) assert.equal(parse([...words, 'id']).string('bundle'), '/b', words.join(' '));
  });

  it('takes values that begin with a dash, hold "=" or are empty', () => {
    assert.equal(parse(['--cpu-quota', '-1']).integer('cpu-quota'), -1);
    assert.deepEqual(parse(['-e', 'A=b=c', '--env=B=', '-e', '']).list('env'), ['A=b=c', 'B=', '']);
  });

  it('reads true and false as Go does, and the last one wins', () => {
    for (const word of ['1', 't', 'T', 'true', 'TRUE', 'True'])
      assert.ok(parse([`--detach=${word}`]).boolean('detach'));
    assert.equal(parse(['--detach', '--detach=false']).boolean('detach'), false);
    assert.equal(parse([]).boolean('detach'), false);
    assert.equal(refusal('--detach=yes'), 'flag --detach takes true or false, not "yes"');
    assert.deepEqual(parse(['-d', 'true']).operands, ['true'], 'a boolean takes no further word');
  });

  it('reads integers exactly, up to 64 bits', () => {
    assert.equal(parse(['--cpu-quota=9223372036854775807']).integer('cpu-quota'), 9223372036854775807n);
    assert.equal(parse(['--cpu-quota=+5']).integer('cpu-quota'), 5);
    assert.equal(parse(['--cpu-shares', '7']).integer('cpu-share'), 7, 'by another name');
    assert.equal(parse([]).integer('cpu-quota'), undefined);
    assert.equal(refusal('--cpu-quota=1.5'), 'flag --cpu-quota takes a whole number, not "1.5"');
    assert.equal(refusal('--cpu-quota=18446744073709551616'), 'flag --cpu-quota: 18446744073709551616 is out of range');
  });

  it('finds flags behind operands, unless the first operand ends them', () => {
    const anywhere = parse(['id', '--detach', 'KILL']);
    assert.ok(anywhere.boolean('detach'));
    assert.deepEqual(anywhere.operands, ['id', 'KILL']);
    const first = parse(['-d', 'id', 'ls', '-e', '--detach=no'], false);
    assert.deepEqual(first.operands, ['id', 'ls', '-e', '--detach=no']);
    assert.deepEqual(parse(['-d', '--', '-e', '--']).operands, ['-e', '--']);
    assert.deepEqual(parse(['-']).operands, ['-'], 'a dash alone is a word');
  });

  it('refuses what it does not know, by name', () => {
    assert.equal(refusal('--colour'), 'unknown flag --colour');
    assert.equal(refusal('-x=1'), 'unknown flag -x');
    assert.equal(refusal('--bundle'), 'flag --bundle needs a value');
    assert.equal(refusal('--format', 'xml'), 'flag --format takes table or json, not "xml"');
    assert.equal(refusal('--keep'), '--keep is not supported: there is nothing to keep');
    assert.equal(refusal('--__proto__'), 'unknown flag --__proto__');
    assert.equal(refusal('--detach=constructor'), 'flag --detach takes true or false, not "constructor"');
  });

  it('tells which flags do nothing', () => {
    assert.deepEqual(
      parse(['--kernel-memory', '1'])
        .ignored()
        .map(({ name }) => name),
      ['kernel-memory'],
    );
    assert.throws(() => parse([]).string('none'), /no flag is called none/);
  });
});
