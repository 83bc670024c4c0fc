/** The config file's key `registries`: what is understood, and in which words the rest is refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HELP, OptionsError, parseOptions } from '../../../daemon/options.ts';
import type { RegistriesSettings } from '../../../daemon/images/registry/settings.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tare-registries-'));
});
after(() => rmSync(folder, { recursive: true }));

function registriesOf(registries: unknown): RegistriesSettings {
  const path = join(folder, 'tared.json');
  writeFileSync(path, JSON.stringify({ registries }));
  const invocation = parseOptions(['--config', path]);
  assert.ok(invocation.is === 'run');
  return invocation.options.registries;
}

test('none is the default', () => {
  const invocation = parseOptions([]);
  assert.ok(invocation.is === 'run');
  assert.deepEqual(invocation.options.registries, {});
  assert.match(HELP, /registries/);
});

test('mirrors, plain HTTP, certificates: their files are read', () => {
  for (const name of ['ca', 'certificate', 'key']) {
    writeFileSync(join(folder, name), `-----BEGIN ${name}-----\n`);
  }
  const [ca, certificate, key] = ['ca', 'certificate', 'key'].map((name) => join(folder, name));
  const settings = registriesOf({
    'docker.io': { mirrors: ['https://mirror.example/hub'] },
    'registry.lan:5000': { plainHttp: true, skipVerify: false },
    '[::1]:5000': { ca, certificate, key },
  });
  assert.deepEqual(settings, {
    'docker.io': { mirrors: ['https://mirror.example/hub'] },
    'registry.lan:5000': { plainHttp: true, skipVerify: false },
    '[::1]:5000': {
      ca: '-----BEGIN ca-----\n',
      certificate: '-----BEGIN certificate-----\n',
      key: '-----BEGIN key-----\n',
    },
  });
});

test('the rest is refused by name', () => {
  writeFileSync(join(folder, 'text'), 'no certificate');
  const at = (rest: string): string => `config file DIR/tared.json: registries: ${rest}`;
  const REFUSED: readonly (readonly [value: unknown, words: string])[] = [
    [
      { 'index.docker.io': {} },
      '"index.docker.io" is not the name of a registry, such as "docker.io" or "registry.lan:5000"; "docker.io" is meant',
    ],
    [{ 'a/b': {} }, '"a/b" is not the name of a registry, such as "docker.io" or "registry.lan:5000"'],
    [{ 'r.lan': [] }, 'r.lan: an object is expected'],
    [
      { 'r.lan': { mirror: [] } },
      'r.lan: there is no option "mirror", but mirrors, plainHttp, skipVerify, ca, certificate, key',
    ],
    [{ 'r.lan': { mirrors: 'https://m' } }, 'r.lan: mirrors: a list of URLs is expected'],
    [{ 'r.lan': { mirrors: ['m.lan'] } }, '"m.lan", a mirror of r.lan, is not a URL https://host/folder'],
    [{ 'r.lan': { plainHttp: 'yes' } }, 'r.lan: plainHttp: true or false is expected'],
    [{ 'r.lan': { ca: 'relative' } }, 'r.lan: ca: an absolute path is expected'],
    [{ 'r.lan': { ca: join(folder, 'text') } }, 'r.lan: ca: DIR/text is not a PEM file'],
    [
      { 'r.lan': { certificate: join(folder, 'certificate') } },
      'r.lan: certificate and key are given together or not at all',
    ],
  ];
  for (const [value, words] of REFUSED) {
    assert.throws(
      () => registriesOf(value),
      (error) => {
        assert.ok(error instanceof OptionsError);
        assert.equal(error.message.replaceAll(folder, 'DIR'), at(words));
        return true;
      },
    );
  }
});
