import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UsageError } from '../../../client/errors.ts';
import { formatRows } from '../../../client/format/rows.ts';
import { compileTemplate } from '../../../client/format/template.ts';

const VALUE = {
  id: 'abc',
  name: 'web',
  command: ['sh', '-c', 'true'],
  limits: { memory: 1024, cpus: 0.5 },
  labels: { 'com.example.key': 'v', other: 'w' },
  empty: [],
  zero: 0,
};

describe('templates', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['{{.id}} {{.Name}}', 'abc web'],
    ['{{ .limits.memory }}', '1024'],
    ['{{json .limits}}', '{"memory":1024,"cpus":0.5}'],
    ['{{json .}}', JSON.stringify(VALUE)],
    ['{{.name | upper}}', 'WEB'],
    ['{{join .command " "}}', 'sh -c true'],
    ['{{len .command}}{{len .labels}}', '32'],
    ['{{index .labels "com.example.key"}}', 'v'],
    ['{{index .command 2}}', 'true'],
    ['{{.absent}}', '<no value>'],
    ['{{.absent.deeper}}', '<no value>'],
    ['{{if .empty}}yes{{else}}no{{end}}', 'no'],
    ['{{if .zero}}yes{{end}}', ''],
    ['{{if (eq .name "web")}}{{.id}}{{end}}', 'abc'],
    ['{{range .command}}[{{.}}]{{end}}', '[sh][-c][true]'],
    ['{{range .empty}}x{{else}}none{{end}}', 'none'],
    ['{{if .id}}{{range .labels}}{{.}},{{end}}{{end}}', 'v,w,'],
    ['a\\tb\\n', 'a\tb\n'],
    ['{{"}"}}', '}'],
    ['{{or .absent .name}}', 'web'],
  ];
  for (const [template, expected] of cases) {
    it(template, () => {
      assert.equal(compileTemplate(template)(VALUE), expected);
    });
  }

  for (const template of [
    '{{.id',
    '{{}}',
    '{{end}}',
    '{{else}}',
    '{{if .id}}',
    '{{range .id}}{{else}}',
    '{{nothing .id}}',
    '{{.id | .name}}',
    '{{(json .id}}',
    '{{json .id)}}',
    '{{$x}}',
    '{{.id &}}',
    '{{.id |}}',
  ]) {
    it(`refuses ${template}`, () => {
      assert.throws(() => compileTemplate(template)(VALUE), UsageError);
    });
  }

  it('does not reach what an object inherits', () => {
    assert.equal(compileTemplate('{{.constructor}}{{index .labels "toString"}}')(VALUE), '<no value><no value>');
  });
});

describe('rows', () => {
  const rows = [
    { ID: '1', Names: 'a', Labels: '' },
    { ID: '22222222222222', Names: 'bb', Labels: 'k=v' },
  ];
  const heads = { ID: 'CONTAINER ID', Names: 'NAMES', Labels: 'LABELS' };
  const format = (text: string) => formatRows(rows, text, ['ID', 'Names'], heads);

  it('makes a table', () => {
    assert.equal(format('table'), 'CONTAINER ID     NAMES\n1                a\n22222222222222   bb\n');
    assert.equal(format('table'), format(''));
  });

  it('makes a table of a template', () => {
    assert.equal(
      format('table {{.Names}}\\t{{.ID}}'),
      'NAMES        CONTAINER ID\na            1\nbb           22222222222222\n',
    );
  });

  it('makes one line a row of a template, and of json', () => {
    assert.equal(format('{{.Names}}={{.ID}}'), 'a=1\nbb=22222222222222\n');
    assert.deepEqual(
      format('json')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      rows,
    );
  });

  it('shows only the head for no rows', () => {
    assert.equal(formatRows([], 'table', ['ID', 'Names'], heads), 'CONTAINER ID   NAMES\n');
  });
});
