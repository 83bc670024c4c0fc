import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openLog, type LogOptions } from '../../../oci/log.ts';

/** What one log of each kind of message leaves in the file and on stderr. */
function written(options: Pick<LogOptions, 'format' | 'debug'>, toFile: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'tare-oci-log-'));
  try {
    const file = toFile ? join(folder, 'log') : undefined;
    let stderr = '';
    const log = openLog({ ...options, file, stderr: (text) => (stderr += text), now: () => 0 });
    log.debug('looking');
    log.info('found');
    log.warning('odd: \u001b[31m');
    log.error('gone "x"\nreally\n');
    log.close();
    return { file: file === undefined ? '' : readFileSync(file, 'utf8'), stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const AT = '1970-01-01T00:00:00.000Z';

describe('the log of tare-oci', () => {
  it('is stderr where no file is named: lines for a person', () => {
    assert.deepEqual(written({ format: 'text', debug: false }, false), {
      file: '',
      stderr: 'tare-oci: info: found\ntare-oci: warning: odd: \\x1b[31m\ntare-oci: gone "x"\\nreally\n',
    });
  });

  it('has the error on stderr too where a file is named', () => {
    const { file, stderr } = written({ format: 'json', debug: true }, true);
    assert.equal(stderr, 'tare-oci: gone "x"\\nreally\n');
    assert.deepEqual(
      file
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [
        { level: 'debug', msg: 'looking', time: AT },
        { level: 'info', msg: 'found', time: AT },
        { level: 'warning', msg: 'odd: \u001b[31m', time: AT },
        { level: 'error', msg: 'gone "x"\nreally', time: AT },
      ],
    );
  });

  it('writes text as logrus does', () => {
    const { file } = written({ format: 'text', debug: false }, true);
    assert.equal(
      file,
      `time="${AT}" level=info msg="found"\n` +
        `time="${AT}" level=warning msg="odd: \\u001b[31m"\n` +
        `time="${AT}" level=error msg="gone \\"x\\"\\nreally"\n`,
    );
  });

  it('writes JSON to stderr where that is asked for', () => {
    const { stderr } = written({ format: 'json', debug: false }, false);
    assert.equal(stderr.split('\n').length, 4);
    assert.deepEqual(JSON.parse(stderr.split('\n')[2] ?? ''), { level: 'error', msg: 'gone "x"\nreally', time: AT });
  });

  it('says so where the file cannot be opened', () => {
    assert.throws(() => openLog({ file: '/nonexistent/log', format: 'text', debug: false }), /ENOENT/);
  });
});
