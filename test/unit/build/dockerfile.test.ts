import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DockerfileParser } from 'dockerfile-ast';
import fc from 'fast-check';
import { INSTRUCTIONS_MAX, KEYWORDS, parseDockerfile } from '../../../daemon/engine/build/dockerfile.ts';
import { shellText } from '../../../daemon/engine/build/heredoc.ts';
import { InvalidDockerfile } from '../../../daemon/engine/build/invalid-dockerfile.ts';

const shapes = (text: string): string[] =>
  parseDockerfile(text).instructions.map(({ keyword, flags, rest }) => [keyword, ...flags, rest].join('|'));

test('lines are joined as docker joins them: comments and empty lines inside are none of it', () => {
  const text = '# about\n\n from  a AS b\nRUN one && \\\n  # no\n\n  two \\ \n three\n  COPY --from=x --chown=1 a b\r\nCMD\n';
  assert.deepEqual(shapes(text), ['FROM|a AS b', 'RUN|one &&   two  three', 'COPY|from=x|chown=1|a b', 'CMD|']);
  assert.deepEqual(
    parseDockerfile(text).instructions.map(({ line }) => line),
    [3, 4, 9, 10],
  );
  assert.deepEqual(shapes('\ufeffFROM a\nRUN two\\\\\nRUN b \\'), ['FROM|a', 'RUN|two\\\\', 'RUN|b']);
});

test('the directive "escape" counts at the top alone', () => {
  assert.deepEqual(shapes('# escape=`\nFROM a\nRUN b `\nc\\\nRUN d'), ['FROM|a', 'RUN|b c\\', 'RUN|d']);
  assert.equal(parseDockerfile('# syntax=docker/dockerfile:1\n# escape = `\nFROM a').escape, '`');
  assert.equal(parseDockerfile('# hello\n# escape=`\nFROM a').escape, '\\');
});

test('here-documents are taken as they are', () => {
  const [, run] = parseDockerfile('FROM a\nRUN cat <<-A <<"B"\n\tone\n\tA\ntwo # it\nB\nENV c d').instructions;
  assert.deepEqual(
    run?.heredocs.map(({ content }) => content),
    ['one\n', 'two # it\n'],
  );
  const [, script] = parseDockerfile('FROM a\nRUN <<EOF\nx=1\necho $x\nEOF').instructions;
  assert.equal(shellText(script?.rest ?? '', script?.heredocs ?? []), 'x=1\necho $x\n');
  assert.equal(shellText('cat <<A', [{ name: 'A', chomp: false, content: 'b\n' }]), 'cat <<A\nb\nA\n');
  assert.deepEqual(shapes('FROM a\nRUN cat <<< b'), ['FROM|a', 'RUN|cat <<< b']);
});

test('what is no Dockerfile is refused by its line', () => {
  for (const [text, problem] of [
    ['', 'file with no instructions'],
    ['# nothing\n\n', 'file with no instructions'],
    ['FROM a\nFOO b', 'line 2: unknown instruction: FOO'],
    ['FROM', 'line 1: FROM requires at least one argument'],
    ['FROM a\nRUN <<X\nb', 'line 2: unterminated heredoc X'],
    ['# escape=x\nFROM a', "line 1: invalid escape token 'x'"],
    ['# escape=`\n# escape=`\nFROM a', 'line 2: only one escape'],
    [`FROM a\nRUN ${'x'.repeat(200_000)}`, 'line 2: an instruction is longer than 131072 characters'],
    [`FROM a\nRUN <<A\n${'x\n'.repeat(100_000)}A`, 'line 2: an instruction is longer than'],
    ['FROM a\n'.repeat(INSTRUCTIONS_MAX + 1), 'more than 1000 instructions'],
  ] as const) {
    const isRefused = (error: unknown): boolean => error instanceof InvalidDockerfile && error.message.includes(problem);
    assert.throws(() => parseDockerfile(text), isRefused, text.slice(0, 40));
  }
});

const word = fc.stringMatching(/^[a-z0-9$./"'{}:-]{1,8}$/);
const line = fc
  .tuple(fc.constantFrom(...KEYWORDS), fc.array(word, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([keyword, words, isJoined]) => `${keyword} ${words.join(isJoined ? ' \\\n  ' : ' ')}`);

test('it finds the instructions that another parser finds', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), (lines) => {
      const text = lines.join('\n');
      const others = DockerfileParser.parse(text).getInstructions();
      assert.deepEqual(
        parseDockerfile(text).instructions.map((each) => [each.keyword, each.line]),
        others.map((each) => [each.getKeyword(), each.getRange().start.line + 1]),
      );
    }),
  );
});

test('whatever comes is read or refused, in no time', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'FROM run\\`\n\r\t #<-=EOF"\u0000é'.split('')), maxLength: 400 }), (text) => {
      try {
        parseDockerfile(text);
      } catch (error) {
        assert.ok(error instanceof InvalidDockerfile);
      }
    }),
  );
  for (const text of ['\\\n'.repeat(400_000), `FROM a\nRUN ${'\\ '.repeat(400_000)}`, `FROM ${' '.repeat(900_000)}a`]) {
    assert.throws(() => {
      parseDockerfile(text);
      throw new InvalidDockerfile('read');
    }, InvalidDockerfile);
  }
});
