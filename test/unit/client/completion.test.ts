import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Command } from '../../../client/command.ts';
import { COMMANDS, loadCommands } from '../../../client/commands/table.ts';
import { bashCompletion } from '../../../client/completion/bash.ts';
import { fishCompletion } from '../../../client/completion/fish.ts';
import { zshCompletion } from '../../../client/completion/zsh.ts';

describe('completion', () => {
  let commands: readonly Command[];
  let directory: string;
  before(async () => {
    commands = await loadCommands();
    directory = mkdtempSync(join(tmpdir(), 'tare-completion-'));
    // What the script asks for names.
    const names = `#!/bin/sh
case $1 in
network) echo back; echo bridge ;;
images) echo debian:12; echo wine:9 ;;
volume) echo data; echo db ;;
*) echo web; echo worker ;;
esac
`;
    writeFileSync(join(directory, 'tare'), names, { mode: 0o755 });
    writeFileSync(join(directory, 'script'), bashCompletion({ table: COMMANDS, commands }));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  /** What bash offers for the last of `words`. */
  function offered(...words: string[]): readonly string[] {
    const list = words.map((word) => `'${word}'`).join(' ');
    const script = `. ./script; COMP_WORDS=(tare ${list}); COMP_CWORD=${String(words.length)}; _tare; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync('bash', ['-c', script], {
      cwd: directory,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${directory}:${process.env.PATH ?? ''}` },
    });
    return output.split('\n').filter((line) => line !== '');
  }

  it('offers commands', () => {
    assert.deepEqual(offered('st'), ['start', 'stop', 'stats']);
    assert.ok(offered('').includes('run'));
    assert.deepEqual(offered('--host', 'unix:///x', 'un'), ['unpause']);
  });

  it('offers flags', () => {
    assert.deepEqual(offered('run', '--memory-s'), ['--memory-swap', '--memory-swappiness']);
    assert.deepEqual(offered('run', '--publ'), ['--publish', '--publish-all']);
    assert.deepEqual(offered('run', '--health-i'), ['--health-interval']);
    assert.deepEqual(offered('run', '--storage-o'), [], 'what is refused is not offered');
    assert.deepEqual(offered('ps', '--no'), ['--no-trunc']);
    assert.deepEqual(offered('--ho'), ['--host']);
  });

  it('offers containers', () => {
    assert.deepEqual(offered('stop', 'w'), ['web', 'worker']);
    assert.deepEqual(offered('stop', '-t', '5', 'we'), ['web']);
    assert.deepEqual(offered('exec', '-it', 'wo'), ['worker']);
    assert.deepEqual(offered('exec', 'web', 'wo'), []);
  });

  it('offers images, volumes, and both containers and images', () => {
    assert.deepEqual(offered('rmi', 'd'), ['debian:12']);
    assert.deepEqual(offered('run', '--rm', 'de'), ['debian:12']);
    assert.deepEqual(offered('run', 'debian:12', 'de'), []);
    assert.deepEqual(offered('image', 'rm', 'wi'), ['wine:9']);
    assert.deepEqual(offered('volume', 'rm', 'd'), ['data', 'db']);
    assert.deepEqual(offered('inspect', 'w'), ['web', 'worker', 'wine:9']);
    assert.deepEqual(offered('run', '--pull', 'a'), ['always']);
    assert.deepEqual(offered('system', 'd'), ['df']);
  });

  it('offers what belongs to a group', () => {
    assert.deepEqual(offered('network', 'c'), ['create', 'connect']);
    assert.deepEqual(offered('network', 'create', '--sub'), ['--subnet']);
    assert.deepEqual(offered('network', 'rm', 'b'), ['back', 'bridge']);
    assert.deepEqual(offered('network', 'rm', 'back', 'br'), ['bridge']);
    assert.deepEqual(offered('network', 'connect', '--ip', '10.0.0.1', 'ba'), ['back']);
    assert.deepEqual(offered('network', 'connect', 'back', 'we'), ['web']);
    assert.deepEqual(offered('--host', 'unix:///x', 'network', 'dis'), ['disconnect']);
    assert.deepEqual(offered('create', '--netw'), ['--network', '--network-alias']);
  });

  it('offers values of flags', () => {
    assert.deepEqual(offered('run', '--network', 'h'), ['host']);
    assert.deepEqual(offered('run', '--network', 'b'), ['back', 'bridge']);
    assert.deepEqual(offered('network', 'create', '--driver', 'b'), ['bridge']);
    assert.deepEqual(offered('kill', '-s', 'US'), ['USR1', 'USR2']);
    assert.deepEqual(offered('completion', 'z'), ['zsh']);
  });

  const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
  for (const [shell, script] of Object.entries(scripts)) {
    it(`names every command and flag for ${shell}`, () => {
      const text = script({ table: COMMANDS, commands });
      for (const command of commands) {
        for (const word of command.name.split(' ')) assert.ok(text.includes(word), word);
        for (const flag of command.flags) {
          assert.equal(text.includes(flag.name) || flag.refused !== undefined, true, flag.name);
        }
      }
      const syntax = spawnSync(shell, ['-n'], { input: text, encoding: 'utf8' });
      // A shell that is not installed cannot be asked; bash always is.
      if (shell === 'bash' || syntax.error === undefined) assert.equal(syntax.stderr, '');
    });
  }
});
