import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Flag } from '../../../client/command.ts';
import { COMMANDS } from '../../../client/commands/table.ts';
import { GLOBAL_FLAGS } from '../../../client/help.ts';
import { DEFAULT_HOST } from '../../../client/http/daemon.ts';
import { reference } from '../../../client/reference.ts';
import { CLIENT_VERSION } from '../../../client/version.ts';

const loaded = () => Promise.all(COMMANDS.map((entry) => entry.load()));

describe('the command table', () => {
  it('is what docs/cli.md says (node client/write-reference.ts)', async () => {
    const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
    assert.equal(page, reference(await loaded()));
  });

  it('agrees with the commands themselves', async () => {
    const commands = await loaded();
    for (const [index, { name, summary }] of COMMANDS.entries()) {
      assert.equal(commands[index]?.name, name);
      assert.equal(commands[index].summary, summary);
    }
  });

  it('has every flag once, with a value exactly where it takes one', async () => {
    for (const { name, flags } of [{ name: '', flags: GLOBAL_FLAGS }, ...(await loaded())]) {
      const shown = flags.filter((flag: Flag) => flag.refused === undefined);
      const spellings = flags.flatMap((flag) => [
        `--${flag.name}`,
        ...(flag.aliases ?? []).map((alias) => `--${alias}`),
        ...(flag.short === undefined ? [] : [`-${flag.short}`]),
      ]);
      assert.deepEqual(spellings.toSorted(), [...new Set(spellings)].toSorted(), name);
      for (const flag of shown) {
        assert.equal(flag.value === undefined, flag.type === 'boolean', `${name} --${flag.name}`);
        assert.match(flag.summary, /^([a-z]|CPU|NIS).*[^.]$/, `${name} --${flag.name}`);
      }
    }
  });

  it('knows the version of the package and the default socket', () => {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    assert.equal((JSON.parse(text) as { version: string }).version, CLIENT_VERSION);
    assert.equal(GLOBAL_FLAGS.find(({ name }) => name === 'host')?.default, DEFAULT_HOST);
  });
});
