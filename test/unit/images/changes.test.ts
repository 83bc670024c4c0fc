/** Lines of a Dockerfile as changes of an image's configuration. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { InvalidChange, applyChanges } from '../../../daemon/images/manifest/changes.ts';
import type { RunConfig } from '../../../daemon/images/manifest/image-config.ts';

const changed = (lines: readonly string[], run: RunConfig = {}): unknown =>
  JSON.parse(JSON.stringify(applyChanges(run, lines)));

void describe('changes of an image', () => {
  void test('CMD and ENTRYPOINT: lists, and lines for the shell', () => {
    assert.deepEqual(changed(['CMD ["a", "b c"]']), { cmd: ['a', 'b c'] });
    assert.deepEqual(changed(['cmd echo  "x" $HOME']), { cmd: ['/bin/sh', '-c', 'echo  "x" $HOME'] });
    assert.deepEqual(changed(['CMD [ -f x ]'], { shell: ['/bin/bash', '-c'] }), {
      ...{ shell: ['/bin/bash', '-c'], cmd: ['/bin/bash', '-c', '[ -f x ]'] },
    });
    assert.deepEqual(changed(['CMD []']), { cmd: [] });
  });

  void test('ENTRYPOINT takes the image’s CMD away, but not one of the same lines', () => {
    assert.deepEqual(changed(['ENTRYPOINT ["e"]'], { cmd: ['old'] }), { entrypoint: ['e'] });
    assert.deepEqual(changed(['CMD ["new"]', 'ENTRYPOINT ["e"]'], { cmd: ['old'] }), {
      entrypoint: ['e'],
      cmd: ['new'],
    });
    assert.deepEqual(changed(['ENTRYPOINT ["e"]', 'CMD ["new"]']), { entrypoint: ['e'], cmd: ['new'] });
  });

  void test('ENV: pairs, quotes, the old form, and what is there already', () => {
    const run = { env: ['PATH=/bin', 'HOME=/root'] };
    assert.deepEqual(changed(['ENV PATH=/opt:$PATH A="b c" D=e\\ f'], run), {
      env: ['PATH=/opt:/bin', 'HOME=/root', 'A=b c', 'D=e f'],
    });
    assert.deepEqual(changed(['ENV A b  "c"']), { env: ['A=b  c'] });
    const words = ['ENV A=${HOME:-no} B=${NONE:-${HOME}x} C=${HOME:+yes}', `ENV E='$A' F="\\$A \\x $A" G=\\$A H=$ I=`];
    assert.deepEqual(changed(words, run), {
      env: [...run.env, 'A=/root', 'B=/rootx', 'C=yes', 'E=$A', 'F=$A \\x /root', 'G=$A', 'H=$', 'I='],
    });
    // All of a line see the environment before it.
    assert.deepEqual(changed(['ENV A=1', 'ENV A=2 B=$A']), { env: ['A=2', 'B=1'] });
  });

  void test('LABEL: keys of any kind are keys', () => {
    const labels = applyChanges({ labels: { a: '1' } }, [
      'LABEL a=2 "b c"="d e"',
      'LABEL __proto__=x',
      'LABEL k v w',
    ]).labels;
    assert.deepEqual(Object.entries(labels ?? {}), [
      ['a', '2'],
      ['b c', 'd e'],
      ['__proto__', 'x'],
      ['k', 'v w'],
    ]);
  });

  void test('EXPOSE, VOLUME, USER, WORKDIR, STOPSIGNAL, ONBUILD', () => {
    assert.deepEqual(changed(['EXPOSE 80 53/UDP 8000-8002', 'EXPOSE 80'], { exposedPorts: ['22/tcp'] }), {
      exposedPorts: ['22/tcp', '80/tcp', '53/udp', '8000/tcp', '8001/tcp', '8002/tcp'],
    });
    assert.deepEqual(changed(['VOLUME /a /b', 'VOLUME ["/b", "/c d"]']), { volumes: ['/a', '/b', '/c d'] });
    assert.deepEqual(changed(['USER $WHO:1'], { env: ['WHO=me'] }), { env: ['WHO=me'], user: 'me:1' });
    assert.deepEqual(changed(['WORKDIR /a/b', 'WORKDIR c/../../d']), { workingDir: '/a/d' });
    assert.deepEqual(changed(['STOPSIGNAL SIGUSR1']), { stopSignal: 'SIGUSR1' });
    assert.deepEqual(changed(['ONBUILD RUN make', 'onbuild \\\n  copy . .']), { onBuild: ['RUN make', 'copy . .'] });
  });

  void test('HEALTHCHECK', () => {
    const line =
      'HEALTHCHECK --interval=1m30s --timeout=2s --start-period=500ms --start-interval=1s --retries=3 CMD curl x';
    assert.deepEqual(changed([line]), {
      healthcheck: {
        ...{ test: ['CMD-SHELL', 'curl x'], interval: 90e9, timeout: 2e9, startPeriod: 5e8, startInterval: 1e9 },
        retries: 3,
      },
    });
    assert.deepEqual(changed(['HEALTHCHECK CMD ["a", "b"]']), { healthcheck: { test: ['CMD', 'a', 'b'] } });
    assert.deepEqual(changed(['HEALTHCHECK NONE']), { healthcheck: { test: ['NONE'] } });
  });

  void test('what is no change is refused, and named', () => {
    const lines = [
      ...[
        '',
        '# comment',
        'FROM x',
        'RUN make',
        'COPY a b',
        'constructor x',
        'CMD ["a", 1]',
        'ENV',
        'ENV A',
        'ENV A=1 B',
      ],
      ...['ENV =x', 'LABEL =x', 'ENV A="x', "ENV A='x", 'ENV A=${B', 'ENV A=${B?x}', 'ENV A=${}', 'EXPOSE 0'],
      ...[
        'EXPOSE 65536',
        'EXPOSE 9-8',
        'EXPOSE x',
        'EXPOSE 80/http',
        'EXPOSE',
        'VOLUME',
        'VOLUME []',
        'USER',
        'WORKDIR',
      ],
      ...['STOPSIGNAL NONE', 'ONBUILD', 'ONBUILD ONBUILD RUN x', 'ONBUILD FROM x', 'HEALTHCHECK', 'HEALTHCHECK CMD'],
      ...['HEALTHCHECK --interval=x CMD a', 'HEALTHCHECK --interval=1ns CMD a', 'HEALTHCHECK --retries=-1 CMD a'],
      ...[
        'HEALTHCHECK --what=1 CMD a',
        'HEALTHCHECK --retries=1 NONE',
        'CMD a\nUSER b',
        `ENV A=${'${A:-'.repeat(20)}${'}'.repeat(20)}`,
      ],
    ];
    for (const line of lines) {
      assert.throws(
        () => applyChanges({}, [line]),
        (error: unknown) => error instanceof InvalidChange && error.message.endsWith(error.message.split(': ').at(-1)!),
        line,
      );
    }
  });

  void test('variables that double end somewhere', () => {
    const lines = ['ENV A=0123456789abcdef', ...Array.from({ length: 100 }, () => 'ENV A=$A$A$A$A')];
    assert.throws(() => applyChanges({}, lines), InvalidChange);
    const many = Array.from({ length: 60 }, (_, index) => `ENV A${index}=$A`);
    assert.throws(() => applyChanges({ env: [`A=${'x'.repeat(60_000)}`] }, many), InvalidChange);
  });

  void test('any line at all is taken or refused', () => {
    const instruction = fc.constantFrom('CMD', 'ENV', 'LABEL', 'EXPOSE', 'VOLUME', 'HEALTHCHECK', 'WORKDIR', 'ONBUILD');
    const rest = fc.string({
      unit: fc.constantFrom('a', 'B', '=', '"', "'", '\\', '$', '{', '}', ':', '-', '[', ']', ' '),
    });
    fc.assert(
      fc.property(instruction, rest, (name, text) => {
        try {
          applyChanges({ env: ['a=b'] }, [`${name} ${text}`]);
        } catch (error) {
          assert.ok(error instanceof InvalidChange);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
