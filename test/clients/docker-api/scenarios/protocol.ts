/** HTTP as clients and strangers speak it. */
import { BASE } from '../images.ts';
import { scenario } from '../runner.ts';
import { wish } from '../words.ts';

const body = JSON.stringify(wish());
const enough =
  (word: string) =>
  (all: Buffer): boolean =>
    all.includes(word);

export const protocol = [
  scenario('http: a chunked body', async (s) => {
    const head = `POST /v1.41/containers/create?name=${s.name} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await s.raw(`${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`, enough('Warnings'));
    s.note('create', answer.status);
  }),
  scenario('http: chunks that are none', async (s) => {
    const head = `POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await s.raw(`${head}xyz\r\n`);
    s.note('status', answer.status);
  }),
  scenario('http: nonsense', async (s) => {
    for (const text of [
      'nonsense\r\n\r\n',
      'GET\r\n\r\n',
      'GET /_ping HTTP/9.9\r\nHost: x\r\n\r\n',
      'GET /_ping HTTP/1.1\r\n\r\n',
    ]) {
      s.note(JSON.stringify(text), (await s.raw(text)).status);
    }
  }),
  scenario('http: 1.0', async (s) => {
    await s.rawHttp('ping', 'GET /_ping HTTP/1.0\r\n\r\n');
  }),
  scenario('http: content types', async (s) => {
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'text/plain',
      'application/x-www-form-urlencoded',
      'wrong',
    ]) {
      await s.http('POST', '/containers/absent/update', '{}', { headers: { 'content-type': type } });
      await s.http('POST', '/containers/create', JSON.stringify({ Image: 'absent-here' }), {
        headers: { 'content-type': type },
      });
    }
  }),
  scenario('http: words after the body', async (s) => {
    await s.http('POST', '/containers/create', '{"Image":"absent-here"} {"Image":"x"}');
    await s.http('POST', '/volumes/create', '{"Name":7}');
    await s.http('POST', '/networks/create', '"x"');
  }),
  scenario('http: paths with escapes and doubled slashes', async (s) => {
    await s.plain('GET', '/v1.41/containers/%61bsent/json');
    await s.plain('GET', '/v1.41//containers/absent/json');
    await s.plain('GET', '/v1.41/containers/absent/json/');
    await s.plain('GET', '/v1.41/containers/a%2Fb/json');
    await s.plain('GET', '/v1.41/containers/%zz/json');
  }),
  scenario('http: booleans of every spelling', async (s) => {
    await s.must('create', '--name', s.name, '--network', 'none', BASE, 'true');
    const only = (all: { Names: string[] }[]): unknown => Array.isArray(all) && all.length;
    const mine = `filters=${encodeURIComponent(JSON.stringify({ name: [s.name] }))}`;
    for (const value of ['1', 'true', 'True', 'yes', 'no', '0', 'false', 'none', '', 'x']) {
      await s.http('GET', `/containers/json?all=${value}&${mine}`, undefined, { only });
    }
  }),
];
