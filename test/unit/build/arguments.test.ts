import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BuildArguments } from '../../../daemon/engine/build/arguments.ts';
import { parseAuths } from '../../../daemon/engine/build/auths.ts';
import { changeConfig } from '../../../daemon/engine/build/instructions/config.ts';
import { nothing } from '../../../daemon/engine/build/image.ts';
import { parseDockerfile, parseInstruction } from '../../../daemon/engine/build/dockerfile.ts';
import { withLabels } from '../../../daemon/engine/build/labels.ts';
import { planOf } from '../../../daemon/engine/build/stages.ts';
import { Stage } from '../../../daemon/engine/build/stage.ts';
import { InvalidDockerfile } from '../../../daemon/engine/build/invalid-dockerfile.ts';
import { EngineError } from '../../../daemon/engine/errors.ts';

const HOST = { os: 'linux', architecture: 'amd64' };
const args = (...pairs: string[]) => new BuildArguments(pairs, { build: HOST, target: HOST });

test('an argument counts from its ARG on; of ARGs before FROM the value, where there is no other', () => {
  const given = args('A=given', 'X=unused');
  given.declareGlobal('G', 'global');
  given.declareGlobal('A', 'default');
  assert.deepEqual([given.forFrom.get('G'), given.forFrom.get('A')], ['global', 'given']);
  assert.equal(given.forFrom.get('TARGETARCH'), 'amd64');
  const scope = given.scope();
  assert.equal(scope.variables.get('A'), undefined);
  scope.declare('A', 'other');
  scope.declare('G', undefined);
  scope.declare('B', 'b');
  scope.declare('N', undefined);
  assert.deepEqual([...scope.variables], [['A', 'given'], ['G', 'global'], ['B', 'b']]);
  assert.deepEqual(scope.pairs(new Map([['B', 'environment']])).all, ['A=given', 'G=global']);
  assert.deepEqual(given.unused, ['X']);
  assert.throws(() => args('A'), EngineError);
});

test('proxies have a value without an ARG, and change no key', () => {
  const given = args('http_proxy=there');
  const scope = given.scope();
  assert.deepEqual(scope.pairs(new Map()), { all: ['http_proxy=there'], relevant: [] });
  scope.declare('http_proxy', undefined);
  assert.deepEqual(scope.pairs(new Map()).relevant, ['http_proxy=there']);
  assert.deepEqual(given.unused, []);
});

function stageWith(escape: '\\' | '`', ...lines: string[]): Stage {
  const stage = new Stage(undefined, nothing(HOST), args('ARG=arg').scope(), escape);
  for (const line of lines) changeConfig(stage, parseInstruction(line));
  return stage;
}

test('variables: of the environment before arguments, with defaults, and by the escape that is in force', () => {
  const { run } = stageWith('\\', 'ARG ARG', 'ENV A=$ARG B="${C:-c d}" ARG=env', 'LABEL x=$ARG y=\\$A z=${A:+set}', 'EXPOSE 80');
  assert.deepEqual(run.env, ['A=arg', 'B=c d', 'ARG=env']);
  assert.deepEqual({ ...run.labels }, { x: 'env', y: '$A', z: 'set' });
  assert.deepEqual(stageWith('`', 'ENV A=a\\b`$c').run.env, ['A=a\\b$c']);
});

test('an ENTRYPOINT takes the command of the base away, and not its own', () => {
  const stage = stageWith('\\', 'CMD ["a"]', 'ENTRYPOINT ["b"]');
  assert.deepEqual([stage.run.cmd, stage.run.entrypoint], [['a'], ['b']]);
  const other = stageWith('\\');
  other.run = { ...other.run, cmd: ['of the base'] };
  changeConfig(other, parseInstruction('ENTRYPOINT b'));
  assert.deepEqual([other.run.cmd, other.run.entrypoint], [undefined, ['/bin/sh', '-c', 'b']]);
  const shell = stageWith('\\', 'SHELL ["/bin/ash", "-x"]', 'CMD echo', 'MAINTAINER me', 'STOPSIGNAL 9', 'USER u');
  assert.deepEqual([shell.run.cmd, shell.author, shell.run.user], [['/bin/ash', '-x', 'echo'], 'me', 'u']);
});

test('labels of the build are one more LABEL, whatever is in them', () => {
  for (const escape of ['\\', '`'] as const) {
    const [last] = withLabels({ escape, instructions: [] }, ['a=b "c" $d \\ `', 'e']).instructions.slice(-1);
    const stage = stageWith(escape);
    changeConfig(stage, last ?? parseInstruction('LABEL a=b'));
    assert.deepEqual({ ...stage.run.labels }, { a: 'b "c" $d \\ `', e: '' });
  }
});

test('stages, by name and number, and what is no stage', () => {
  const dockerfile = parseDockerfile('ARG a\nFROM x AS One\nRUN a\nFROM y\nFROM One as three');
  const names = (target?: string): (string | undefined)[] => planOf(dockerfile, target).stages.map(({ name }) => name);
  assert.deepEqual(names(), ['one', undefined, 'three']);
  assert.deepEqual([names('ONE'), names('1')], [['one'], ['one', undefined]]);
  assert.throws(() => names('four'), EngineError);
  for (const text of ['RUN a\nFROM b', 'ARG a', 'FROM a b', 'FROM a as 1x', 'FROM a as b c']) {
    assert.throws(() => planOf(parseDockerfile(text), undefined), InvalidDockerfile, text);
  }
});

test('credentials are found by the registry, however its key is written', () => {
  const header = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
  const auths = parseAuths(header({ 'https://index.docker.io/v1/': { username: 'a' }, 'GHCR.io': { username: 'b' } }));
  const nameOf = (registry: string): unknown => {
    const text = auths(registry);
    return text === undefined ? undefined : (JSON.parse(Buffer.from(text, 'base64url').toString()) as { username: string }).username;
  };
  assert.deepEqual(['docker.io', 'ghcr.io', 'quay.io'].map(nameOf), ['a', 'b', undefined]);
  assert.equal(parseAuths(undefined)('docker.io'), undefined);
  for (const bad of ['!', header([]), header('text'), header(null)]) assert.throws(() => parseAuths(bad), EngineError, bad);
});
