import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseArguments } from '../../../client/arguments.ts';
import type { Flag } from '../../../client/command.ts';
import { UsageError } from '../../../client/errors.ts';

const FLAGS: readonly Flag[] = [
  { name: 'interactive', short: 'i', type: 'boolean', summary: '' },
  { name: 'tty', short: 't', type: 'boolean', summary: '' },
  { name: 'rm', type: 'boolean', summary: '' },
  { name: 'memory', short: 'm', type: 'string', summary: '' },
  { name: 'env', short: 'e', type: 'list', summary: '' },
  { name: 'pids-limit', type: 'integer', summary: '' },
  { name: 'cpus', type: 'number', summary: '' },
  { name: 'network', type: 'string', summary: '', aliases: ['net'] },
  { name: 'publish', short: 'p', type: 'list', summary: '', refused: 'not yet' },
];

function parse(words: readonly string[], interspersed = false) {
  return parseArguments(words, FLAGS, interspersed);
}

function refusal(words: readonly string[], interspersed = false): UsageError {
  try {
    parse(words, interspersed);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error;
  }
  assert.fail(`${words.join(' ')} was accepted`);
}

describe('the parser of the command line', () => {
  it('reads clusters of short flags', () => {
    const input = parse(['-it', '-m512m', 'sh', '-c', 'x']);
    assert.equal(input.boolean('interactive'), true);
    assert.equal(input.boolean('tty'), true);
    assert.equal(input.boolean('rm'), false);
    assert.equal(input.string('memory'), '512m');
    assert.deepEqual(input.operands, ['sh', '-c', 'x']);
  });

  it('reads a value in every spelling', () => {
    const spellings = [
      ['-m', '1g'],
      ['-m1g'],
      ['-m=1g'],
      ['--memory', '1g'],
      ['--memory=1g'],
      ['-im', '1g'],
      ['-im1g'],
    ];
    for (const words of spellings) assert.equal(parse(words).string('memory'), '1g', words.join(' '));
  });

  it('takes values that begin with a dash, hold "=" or are empty', () => {
    assert.equal(parse(['--pids-limit', '-1']).integer('pids-limit'), -1);
    assert.deepEqual(parse(['-e', 'A=b=c', '--env=B=', '-e', '']).list('env'), ['A=b=c', 'B=', '']);
  });

  it('keeps lists in order and lets the last of the others win', () => {
    const input = parse(['-e', 'a', '--env', 'b', '-m', '1', '--memory=2', '--rm', '--rm=false']);
    assert.deepEqual(input.list('env'), ['a', 'b']);
    assert.equal(input.string('memory'), '2');
    assert.equal(input.boolean('rm'), false);
  });

  it('ends flags at the first operand, or not, as the command wants', () => {
    assert.deepEqual(parse(['ls', '-t']).operands, ['ls', '-t']);
    const mixed = parse(['web', '-t', 'db'], true);
    assert.equal(mixed.boolean('tty'), true);
    assert.deepEqual(mixed.operands, ['web', 'db']);
  });

  it('takes everything after "--" and a lone dash as operands', () => {
    assert.deepEqual(parse(['--rm', '--', '-t', '--', 'x'], true).operands, ['-t', '--', 'x']);
    assert.deepEqual(parse(['-', '-t'], true).operands, ['-']);
  });

  it('knows aliases', () => {
    assert.equal(parse(['--net', 'host']).string('network'), 'host');
  });

  it('refuses what is unknown and says what may have been meant', () => {
    assert.match(refusal(['--memry=1']).message, /unknown flag: --memry/);
    assert.equal(refusal(['--memry=1']).hint, 'did you mean --memory?');
    assert.equal(refusal(['--zzzzzzzz']).hint, undefined);
    assert.equal(refusal(['-rm']).hint, 'did you mean --rm?');
    assert.match(refusal(['-ix']).message, /unknown flag: -x in -ix/);
  });

  it('refuses by name what docker has and tare has not', () => {
    assert.match(refusal(['-p', '80:80']).message, /-p is not supported: not yet/);
    assert.match(refusal(['--publish=80:80']).message, /--publish is not supported: not yet/);
  });

  it('refuses missing and malformed values', () => {
    assert.match(refusal(['--memory']).message, /--memory needs a value/);
    assert.match(refusal(['-m']).message, /-m needs a value/);
    assert.match(refusal(['--pids-limit', 'many']).message, /whole number/);
    assert.match(refusal(['--pids-limit', '99999999999999999999']).message, /out of range/);
    assert.match(refusal(['--cpus', '1e3']).message, /takes a number/);
    assert.match(refusal(['--rm=maybe']).message, /true or false/);
    assert.equal(parse(['--cpus', '.5']).number('cpus'), 0.5);
  });

  it('holds a command to its own table', () => {
    assert.throws(() => parse([]).string('nothing'), /no flag is called nothing/);
  });
});
