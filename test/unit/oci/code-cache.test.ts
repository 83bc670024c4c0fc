import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Script } from 'node:vm';
import { addCodeCache } from '../../../scripts/code-cache.ts';

const PROGRAM = `"use strict";
const { basename } = require("node:path");
function never() { return ["never called", 1]; }
const text = "“ä”", pattern = /^[µ]s$/;
process.stdout.write(JSON.stringify([basename(__filename), text, pattern.test("µs"), process.argv.slice(2)]));
process.exitCode = module.exports.code ?? 7;
`;

describe('a bundle with a code cache', () => {
  let folder: string;
  const file = (name: string): string => join(folder, name);
  const run = () => spawnSync(process.execPath, [file('program.cjs'), 'a', 'b c'], { encoding: 'utf8' });
  const expected = { status: 7, stdout: '["program.program.cjs","“ä”",true,["a","b c"]]', stderr: '' };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tare-code-cache-'));
    writeFileSync(file('program.cjs'), PROGRAM);
    addCodeCache(file('program.cjs'), []);
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('does what the bundle did', () => {
    const { status, stdout, stderr } = run();
    assert.deepEqual({ status, stdout, stderr }, expected);
  });

  it('is taken by V8', () => {
    const source = readFileSync(file('program.program.cjs'), 'latin1');
    const script = new Script(source, { cachedData: readFileSync(file('program.cache')) });
    assert.equal(script.cachedDataRejected, false);
  });

  it('runs also with a cache that is of another V8, or gone', () => {
    writeFileSync(file('program.cache'), 'something else');
    assert.equal(run().stdout, expected.stdout);
    rmSync(file('program.cache'));
    assert.equal(run().stdout, expected.stdout);
  });
});
