import type { Info } from '../../shared/api/system.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { bytes } from '../format/bytes.ts';
import { compileTemplate } from '../format/template.ts';
import { print } from '../output.ts';

export const info: Command = {
  name: 'info',
  usage: '[OPTIONS]',
  summary: 'Show the daemon and what this host can do',
  notes: ['Fields of --format are those of the API: .version, .cgroup, .features, …'],
  flags: [
    {
      name: 'format',
      short: 'f',
      type: 'string',
      value: 'FORMAT',
      summary: 'json or a Go template',
      completes: ['json'],
    },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const format = input.string('format') ?? '';
    const template = format === '' || format === 'json' ? undefined : compileTemplate(format);
    const known = await daemon.get<Info>('/info');
    if (template !== undefined) print(`${template(known)}\n`);
    else print(format === 'json' ? `${JSON.stringify(known)}\n` : infoText(known));
    return 0;
  },
};

function infoText(known: Info): string {
  const { containers, cgroup, version, network } = known;
  const controllers = Object.entries(cgroup.controllers).map(([name, where]) => `${name} (${where})`);
  const features = Object.entries(known.features).map(([name, { available, reason }]) => {
    const answer = available ? 'yes' : 'no';
    return `  ${name}: ${answer}${reason === undefined || reason === '' ? '' : ` (${reason})`}`;
  });
  return [
    `Containers: ${String(containers.total)}`,
    `  Running: ${String(containers.running)}`,
    `  Paused: ${String(containers.paused)}`,
    `  Stopped: ${String(containers.stopped)}`,
    `Server Version: ${version.version}`,
    `API Version: ${version.apiVersion}`,
    `OCI Version: ${version.ociVersion}`,
    `Kernel Version: ${version.kernel}`,
    `Node Version: ${version.node}`,
    `Name: ${known.hostname}`,
    `CPUs: ${String(known.cpus)}`,
    `Total Memory: ${bytes(known.memory)}`,
    `Root Directory: ${known.root}`,
    `Run Directory: ${known.run}`,
    `Cgroup Mode: ${cgroup.mode}`,
    `Cgroup Parent: ${cgroup.parent}`,
    `Cgroup Controllers: ${controllers.join(', ')}`,
    `Network Table: ${network.table}`,
    ...listText('Network Settings Changed', network.changed.map(changeText)),
    ...listText('Network Warnings', network.warnings),
    'Features:',
    ...features,
    '',
  ].join('\n');
}

/** Nothing where there is nothing to list. */
function listText(head: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${head}:`, ...lines.map((line) => `  ${line}`)];
}

function changeText({ key, before, now }: Info['network']['changed'][number]): string {
  return `${key}: ${before} to ${now}`;
}
