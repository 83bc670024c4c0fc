/** docs/oci.md, made from the command table. */
import type { Command } from './command.ts';
import { flagSpelling } from '../shared/command-line/help-lines.ts';
import { GLOBAL_FLAGS, commandHelp } from './help.ts';

const INTRODUCTION = `# tare-oci

This page is made from the command table by \`node oci/write-reference.ts\`; a test holds both together.

\`\`\`
tare-oci [OPTIONS] COMMAND
\`\`\`

\`tare-oci\` is an OCI runtime: it takes a bundle (a directory with a \`config.json\` and, usually, a root file system), and makes, starts, watches and removes the container that it describes. It needs no daemon. It stands wherever \`runc\` or \`crun\` stands, and shares tared's own code from \`config.json\` to the kernel:

- Podman: \`podman --runtime /path/to/tare-oci run …\`
- containerd: \`ctr run --runc-binary /path/to/tare-oci …\`
- Docker: \`dockerd --add-runtime tare=/path/to/tare-oci\`, then \`docker run --runtime tare …\`

It has to be root. What a \`config.json\` asks for is done, or it is refused by the name of the property; nothing is ignored. What the runtime knows is printed by \`tare-oci features\`.

## Flags before the command

${GLOBAL_FLAGS.map((flag) => `- \`${flagSpelling(flag).trim()}\`: ${flag.summary}${flag.default === undefined ? '' : ` (default \`${flag.default}\`)`}`).join('\n')}

Flags are read as runc's are: one dash or two, \`--flag value\` or \`--flag=value\`, and before or after the container's id. For \`exec\` and \`ps\`, what follows the id belongs to the command.

## What a container leaves

\`<root>/<id>/\` holds \`state.json\`, written as a temporary file and renamed, \`config.json\` as it was at *create*, and, until the container is started, the named pipes \`start\` and \`result\`. Init is known by its process id together with the moment it started, so a number that the kernel has given away again is never signalled. Nothing is mounted on the host.

## Errors, exit codes and the log

An error is one line on stderr, \`tare-oci: …\`, and the exit code is 1 (255 for \`exec\`, as with runc). \`run\` and \`exec\` without \`--detach\` end with the exit code of the program, or with 128 + n where signal n ended it.

With \`--log FILE\` the error is in that file, too, which is appended to (made with mode 0600). \`--log-format json\` writes a record a line:

\`\`\`json
{"level":"error","msg":"container web does not exist","time":"2026-03-01T12:00:00.000Z"}
\`\`\`

\`--debug\` adds what was done on the way, and where an error comes from.

## Known from runc or crun

Refused by name: \`checkpoint\`, \`restore\` and \`--systemd-cgroup\`; and the flags below.
`;

/** Flags that the help does not show, and why. */
function unlike(commands: readonly Command[]): string {
  const rows = commands.flatMap(({ name, flags }) =>
    flags.flatMap(({ name: flag, refused, ignored }) => {
      if (refused !== undefined) return [`| \`${name} --${flag}\` | refused | ${refused} |`];
      return ignored === undefined ? [] : [`| \`${name} --${flag}\` | ignored with a warning | ${ignored} |`];
    }),
  );
  return ['| flag | is | because |', '|---|---|---|', ...rows, ''].join('\n');
}

export function reference(commands: readonly Command[]): string {
  const sections = commands.map((command) => `### tare-oci ${command.name}\n\n\`\`\`\n${commandHelp(command)}\`\`\`\n`);
  return `${INTRODUCTION}\n${unlike(commands)}\n## Commands\n\n${sections.join('\n')}`;
}
