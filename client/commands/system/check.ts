import type { SystemCheckResponse } from '../../../shared/api/storage.ts';
import type { Command } from '../../command.ts';
import { EXIT } from '../../errors.ts';
import { printable } from '../../format/table.ts';
import { print } from '../../output.ts';

export const check: Command = {
  name: 'system check',
  usage: '[OPTIONS]',
  summary: "Hold all that is stored against its digests and the daemon's records",
  notes: [
    'Reads every blob and layer, so it takes as long as the disk needs for that. Ends with 1 where something is not sound.',
    'With --repair what nobody has need of is removed and what is damaged is marked, so that the next pull fetches it again.',
  ],
  flags: [
    { name: 'repair', type: 'boolean', summary: 'mend what can be' },
    { name: 'format', type: 'string', value: 'FORMAT', summary: 'json', completes: ['json'] },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  completes: 'none',
  failureCode: EXIT.failure,
  async run(input, { daemon }) {
    const repair = input.boolean('repair');
    const answer = await daemon.post<SystemCheckResponse>('/system/check', repair ? { repair } : {});
    print(input.string('format') === 'json' ? `${JSON.stringify(answer)}\n` : findingsText(answer));
    return answer.sound ? 0 : EXIT.failure;
  },
};

function findingsText({ sound, findings }: SystemCheckResponse): string {
  const lines = findings.map(({ kind, what, detail, repaired, images }) => {
    const about = images.length === 0 ? '' : ` (of ${images.map(printable).join(', ')})`;
    const more = detail === '' ? '' : `: ${printable(detail)}`;
    return `${repaired ? 'repaired' : 'found'}: ${kind} ${printable(what)}${about}${more}\n`;
  });
  const end =
    findings.length === 0 ? 'The store is sound.' : sound ? 'The store is sound now.' : 'The store is not sound.';
  return `${lines.join('')}${end}\n`;
}
