import { API_VERSION, CLIENT_VERSION } from '../version.ts';
import type { Version } from '../../shared/api/system.ts';
import type { Command } from '../command.ts';
import { CliError, EXIT } from '../errors.ts';
import { compileTemplate } from '../format/template.ts';
import { print } from '../output.ts';
import { report } from '../targets.ts';

export const version: Command = {
  name: 'version',
  usage: '[OPTIONS]',
  summary: 'Show the versions of client and daemon',
  notes: ['Fields of --format: .Client.version, .Client.apiVersion, .Client.node, and .Server with those of the API.'],
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
    const client = { version: CLIENT_VERSION, apiVersion: API_VERSION, node: process.versions.node };
    let server: Version | undefined;
    let failure: unknown;
    try {
      server = await daemon.get<Version>('/version');
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failure = error;
    }
    const both = { Client: client, ...(server === undefined ? {} : { Server: server }) };
    if (template !== undefined) print(`${template(both)}\n`);
    else print(format === 'json' ? `${JSON.stringify(both)}\n` : versionText(client, server));
    if (failure === undefined) return 0;
    // The client's part was worth showing; the daemon's is missing for this reason.
    report(failure);
    return EXIT.failure;
  },
};

function versionText(
  client: { version: string; apiVersion: string; node: string },
  server: Version | undefined,
): string {
  const lines = [
    'Client:',
    ` Version:      ${client.version}`,
    ` API version:  ${client.apiVersion}`,
    ` Node version: ${client.node}`,
  ];
  if (server !== undefined) {
    lines.push(
      '',
      'Server:',
      ` Version:      ${server.version}`,
      ` API version:  ${server.apiVersion}`,
      ` OCI version:  ${server.ociVersion}`,
      ` Node version: ${server.node}`,
      ` Kernel:       ${server.kernel}`,
      ` PID:          ${String(server.pid)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
