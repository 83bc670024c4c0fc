import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { statusText } from '../../../client/commands/ps.ts';
import { exitCodeOf } from '../../../client/exit.ts';
import { bytes } from '../../../client/format/bytes.ts';
import { ago, duration, parseDuration, parseMoment } from '../../../client/format/duration.ts';
import { printable, shorten } from '../../../client/format/table.ts';
import { exitCodeOfStatus } from '../../../client/stream/status.ts';
import { editDistance, nearest } from '../../../client/suggest.ts';

const AT = '2026-01-01T00:00:00.000000000Z';
const NOW = Date.parse(AT) + 300_000;

describe('lengths of time', () => {
  it('are told as docker tells them', () => {
    const hour = 3600;
    const cases: readonly (readonly [number, string])[] = [
      [0.4, 'Less than a second'],
      [1, '1 second'],
      [59, '59 seconds'],
      [60, 'About a minute'],
      [150, '2 minutes'],
      [hour, 'About an hour'],
      [5 * hour, '5 hours'],
      [3 * 24 * hour, '3 days'],
      [21 * 24 * hour, '3 weeks'],
      [100 * 24 * hour, '3 months'],
      [800 * 24 * hour, '2 years'],
    ];
    for (const [seconds, text] of cases) assert.equal(duration(seconds), text);
    assert.equal(ago(AT, NOW), '5 minutes ago');
    assert.equal(ago(AT, 0), 'Less than a second ago');
  });

  it('are read as Go writes them', () => {
    assert.equal(parseDuration('1h30m'), 5400);
    assert.equal(parseDuration('1.5s'), 1.5);
    assert.equal(parseDuration('250ms'), 0.25);
    for (const text of ['', '5', 'm', '5x', '-5s']) assert.equal(parseDuration(text), undefined);
  });

  it('name points in time', () => {
    assert.equal(parseMoment('1767225600.5', NOW), '1767225600.5');
    assert.equal(parseMoment('5m', NOW), (NOW / 1000 - 300).toFixed(3));
    assert.equal(parseMoment('2026-01-31T12:00:00.123456789Z', NOW), '2026-01-31T12:00:00.123456789Z');
    assert.match(parseMoment('2026-01-31', NOW) ?? '', /^2026-01-3\dT.*Z$/);
    for (const text of ['yesterday', '2026-13-45', '']) assert.equal(parseMoment(text, NOW), undefined);
  });
});

describe('text of tables', () => {
  it('shows sizes with four digits', () => {
    assert.equal(bytes(0), '0B');
    assert.equal(bytes(1536), '1.5KiB');
    assert.equal(bytes(8_358_680_576), '7.785GiB');
  });

  it('holds no control characters', () => {
    assert.equal(printable('a\nb\u001b[2J\u009b'), 'a\\nb\\u001b[2J?');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(printable(text), /[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
    assert.equal(shorten('abcdef', 4), 'abc…');
    assert.equal(shorten('abcd', 4), 'abcd');
  });

  it('says how a container is', () => {
    const container = {
      id: '',
      name: '',
      rootfs: '',
      command: [],
      labels: {},
      createdAt: AT,
      startedAt: AT,
      networks: [],
      restarting: false,
      ports: [],
    };
    const exit = { unknown: false, code: 137, oomKilled: false, at: AT };
    assert.equal(statusText({ ...container, status: 'running' }, NOW), 'Up 5 minutes');
    assert.equal(statusText({ ...container, status: 'paused' }, NOW), 'Up 5 minutes (Paused)');
    assert.equal(statusText({ ...container, status: 'created' }, NOW), 'Created');
    assert.equal(statusText({ ...container, status: 'stopped', exit }, NOW), 'Exited (137) 5 minutes ago');
    const restarting = { ...container, status: 'stopped', restarting: true, exit } as const;
    assert.equal(statusText(restarting, NOW), 'Restarting (137) 5 minutes ago');
    const shown = (['starting', 'healthy', 'unhealthy'] as const).map((health) =>
      statusText({ ...container, status: 'running', health }, NOW),
    );
    assert.deepEqual(shown, ['Up 5 minutes (health: starting)', 'Up 5 minutes (healthy)', 'Up 5 minutes (unhealthy)']);
    const unknown = { unknown: true, oomKilled: false, at: AT };
    assert.equal(statusText({ ...container, status: 'stopped', exit: unknown }, NOW), 'Exited (unknown) 5 minutes ago');
  });
});

describe('exit codes', () => {
  it('of an exit', () => {
    const exit = { unknown: false, oomKilled: false, at: AT };
    assert.equal(exitCodeOf({ ...exit, code: 3 }), 3);
    assert.equal(exitCodeOf({ ...exit, signal: 'SIGKILL' }), 137);
    assert.equal(exitCodeOf({ ...exit, unknown: true }), undefined);
  });

  it('of a status', () => {
    const status = (reason: string, message?: string) =>
      JSON.stringify({ metadata: {}, status: 'Failure', reason, ...(message === undefined ? {} : { message }) });
    assert.equal(exitCodeOfStatus('{"metadata":{},"status":"Success"}'), 0);
    const causes = [{ reason: 'ExitCode', message: '42' }];
    assert.equal(
      exitCodeOfStatus(JSON.stringify({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes } })),
      42,
    );
    for (const text of [
      status('UnknownExit'),
      status('Detached'),
      status('StartFailed', 'x'),
      status('NonZeroExitCode'),
      '{',
    ]) {
      assert.throws(() => exitCodeOfStatus(text), { exitCode: 125 });
    }
  });
});

describe('suggestions', () => {
  it('come from what is near', () => {
    const known = ['run', 'create', 'start', 'stop', 'rm', 'rename'];
    assert.equal(nearest('strat', known), 'start');
    assert.equal(nearest('creat', known), 'create');
    assert.equal(nearest('ren', known), 'run');
    assert.equal(nearest('xyzzy', known), undefined);
  });

  it('measure distance', () => {
    assert.equal(editDistance('ab', 'ba'), 1);
    assert.equal(editDistance('', 'abc'), 3);
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
        assert.equal(editDistance(a, b), editDistance(b, a));
        assert.equal(editDistance(a, b) === 0, a === b);
      }),
    );
  });
});
