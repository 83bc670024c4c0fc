import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isGroup, type Flag } from '../../../client/command.ts';
import { COMMANDS, loadCommands } from '../../../client/commands/table.ts';
import { GLOBAL_FLAGS } from '../../../client/help.ts';
import { DEFAULT_HOST } from '../../../client/http/daemon.ts';
import { reference } from '../../../client/reference.ts';
import { CLIENT_VERSION } from '../../../client/version.ts';

describe('the command table', () => {
  it('is what docs/cli.md says (node client/write-reference.ts)', async () => {
    const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
    assert.equal(page, reference(await loadCommands()));
  });

  it('agrees with the commands themselves', async () => {
    for (const entry of COMMANDS) {
      const commands = isGroup(entry) ? entry.commands : [entry];
      for (const one of commands) {
        const command = await one.load();
        assert.equal(command.name, isGroup(entry) ? `${entry.name} ${one.name}` : one.name);
        assert.equal(command.summary, one.summary);
      }
    }
  });

  it('says every word once in its place', () => {
    for (const table of [COMMANDS, ...COMMANDS.filter((entry) => isGroup(entry)).map(({ commands }) => commands)]) {
      const words = table.flatMap((entry) => [entry.name, ...(isGroup(entry) ? [] : (entry.aliases ?? []))]);
      assert.deepEqual(words, [...new Set(words)]);
    }
  });

  it('has every flag once, with a value exactly where it takes one', async () => {
    for (const { name, flags } of [{ name: '', flags: GLOBAL_FLAGS }, ...(await loadCommands())]) {
      const shown = flags.filter((flag: Flag) => flag.refused === undefined);
      const spellings = flags.flatMap((flag) => [
        `--${flag.name}`,
        ...(flag.aliases ?? []).map((alias) => `--${alias}`),
        ...(flag.short === undefined ? [] : [`-${flag.short}`]),
      ]);
      assert.deepEqual(spellings.toSorted(), [...new Set(spellings)].toSorted(), name);
      for (const flag of shown) {
        assert.equal(flag.value === undefined, flag.type === 'boolean', `${name} --${flag.name}`);
        assert.match(flag.summary, /^([a-z]|CPU|NIS|IPv).*[^.]$/, `${name} --${flag.name}`);
      }
    }
  });

  it('knows the version of the package and the default socket', () => {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    assert.equal((JSON.parse(text) as { version: string }).version, CLIENT_VERSION);
    assert.equal(GLOBAL_FLAGS.find(({ name }) => name === 'host')?.default, DEFAULT_HOST);
  });
});
