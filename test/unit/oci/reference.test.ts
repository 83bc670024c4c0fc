import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { COMMANDS, loadCommands } from '../../../oci/commands/table.ts';
import { GLOBAL_FLAGS, HELP_FLAG, commandHelp } from '../../../oci/help.ts';
import { reference } from '../../../oci/reference.ts';
import { VERSION } from '../../../oci/version.ts';

const top = new URL('../../../', import.meta.url);

/** The commands of runc that this runtime has, or refuses by name: checkpoint and restore. */
const VERBS = ['create delete events exec features kill list pause ps resume run spec start state update'].flatMap(
  (names) => names.split(' '),
);

describe('the command table of tare-oci', () => {
  it('is what docs/oci.md says (node oci/write-reference.ts)', async () => {
    assert.equal(readFileSync(new URL('docs/oci.md', top), 'utf8'), reference(await loadCommands()));
  });

  it('has every verb of an OCI runtime', () => {
    assert.deepEqual(COMMANDS.map(({ name }) => name).toSorted(), VERBS);
  });

  it('agrees with the commands themselves', async () => {
    const commands = await loadCommands();
    for (const [index, { name, summary }] of COMMANDS.entries()) {
      assert.equal(commands[index]?.name, name);
      assert.equal(commands[index].summary, summary);
    }
  });

  it('has every flag once, with a value exactly where it takes one', async () => {
    for (const { name, flags } of [{ name: '', flags: GLOBAL_FLAGS }, ...(await loadCommands())]) {
      const all = name === '' ? flags : [...flags, HELP_FLAG];
      const spellings = all.flatMap((flag) => [
        flag.name,
        ...(flag.aliases ?? []),
        ...(flag.short === undefined ? [] : [flag.short]),
      ]);
      assert.deepEqual(spellings.toSorted(), [...new Set(spellings)].toSorted(), name);
      for (const flag of all.filter(({ refused, ignored }) => refused === undefined && ignored === undefined)) {
        assert.equal(flag.value === undefined, flag.type === 'boolean', `${name} --${flag.name}`);
        assert.match(flag.summary, /^([a-z0-9]|JSON|AppArmor|SELinux).*[^.]$/, `${name} --${flag.name}`);
      }
    }
  });

  it('fits into a hundred columns', async () => {
    for (const command of await loadCommands()) {
      for (const line of commandHelp(command).split('\n')) assert.ok(line.length <= 100, `${command.name}: ${line}`);
    }
  });

  it('knows the version of the package', () => {
    const text = readFileSync(new URL('package.json', top), 'utf8');
    assert.equal((JSON.parse(text) as { version: string }).version, VERSION);
  });
});
