/** docs/cli.md, made from the command table. */
import { flagSpelling } from '../shared/command-line/help-lines.ts';
import { isGroup, type Command } from './command.ts';
import { COMMANDS } from './commands/table.ts';
import { GLOBAL_FLAGS, commandHelp, groupHelp } from './help.ts';

const INTRODUCTION = `# The command line

This page is made from the command table by \`node client/write-reference.ts\`; a test holds both together.

\`\`\`
tare [OPTIONS] COMMAND
\`\`\`

Commands, flags and exit codes are docker's wherever docker has the same thing. A flag of docker's that tare does not have is refused by name, never ignored.

## Which daemon

${GLOBAL_FLAGS.map((flag) => `- \`${flagSpelling(flag).trim()}\`: ${flag.summary}${flag.default === undefined ? '' : ` (default \`${flag.default}\`)`}`).join('\n')}

## Root file systems

A container is made of an image, which is fetched where it is not here, or of a directory:

- \`IMAGE\`: such as \`debian:12\`, \`ghcr.io/you/app@sha256:…\`, or an id. All about images is in [images.md](images.md).
- \`--rootfs DIR\`: DIR is the lower layer of an overlay. Nothing is ever written to DIR.
- \`--rootfs DIR:ro\`: DIR itself, read-only.
- \`--rootfs DIR:rw\`: DIR itself.
- \`--bundle DIR\`: an OCI bundle, its \`config.json\` taken as it is.

What a container writes goes to its own directory on disk, or with \`--tmpfs-root\` to memory; volumes (\`--volume\`, \`--mount\`) outlive it: [storage.md](storage.md).

\`tare run --rm -it --rootfs / bash\` is a disposable copy of your own machine.

## Networks

Without \`--network\` a container is on the daemon's default network: the bridge network \`bridge\`, unless the daemon was started with another \`--default-network\`. All about networks, names and published ports is in [networking.md](networking.md).

## Exit codes

| code | meaning |
|---|---|
| 125 | tare itself failed: wrong usage of \`run\`, \`create\` or \`start\`, no daemon, an image that cannot be had, a refused request, a lost connection |
| 126 | the command cannot be executed |
| 127 | the command was not found |
| 128+n | signal n ended the command |
| 141 | the reader of tare's output has gone |
| other | the command's own, for \`run\`, \`start --attach\`, \`attach\` and \`exec\` |

Other commands end with 0, or with 1 where something failed.

## Sessions

\`run\`, \`start --attach\`, \`attach\` and \`exec\` connect the command's streams to yours. With \`-t\` your terminal is raw while the session lasts: Ctrl-C and Ctrl-Z reach the command, the window's size follows yours, and \`ctrl-p ctrl-q\` lets go (\`--detach-keys\`: keys such as \`ctrl-a\`, \`ctrl-[\` or \`x\`, separated by commas; empty for none). Without \`-t\`, signals that reach \`tare\` are passed on to the command (\`--sig-proxy=false\` keeps them); a third SIGINT or SIGTERM ends \`tare\` itself. When the daemon goes away, the terminal is restored, one line says so, and the exit code is 125; the container may still run.

## Formats

\`--format\` takes \`json\`, or a template in a part of Go's language; for lists also \`table\` and \`table TEMPLATE\`.

| template | gives |
|---|---|
| \`{{.Names}}\` | a field; upper and lower case are the same |
| \`{{.limits.memory}}\` | a field of a field |
| \`{{json .}}\` | all of it as JSON |
| \`{{index .labels "com.example.key"}}\` | one key, or one element |
| \`{{join .command " "}}\`, \`{{upper .x}}\`, \`{{lower .x}}\`, \`{{len .x}}\` | functions; \`{{.x \\| upper}}\` is the same as \`{{upper .x}}\` |
| \`{{if .exit}}…{{else}}…{{end}}\` | one or the other; with \`eq\`, \`ne\`, \`not\`, \`and\`, \`or\` |
| \`{{range .command}}…{{end}}\` | once for each element |

\`\\t\` and \`\\n\` are a tab and a newline. A field that is absent prints \`<no value>\`.
`;

/** `commands` in the order of the table; a group's help stands before its first command. */
export function reference(commands: readonly Command[]): string {
  const told = new Set<string>();
  const sections = commands.flatMap((command) => {
    const own =
      command.twinOf === undefined
        ? section(command.name, commandHelp(command))
        : twinSection(command.name, command.twinOf);
    const group = COMMANDS.filter(isGroup).find(({ name }) => command.name.startsWith(`${name} `));
    if (group === undefined || told.has(group.name)) return [own];
    told.add(group.name);
    return [section(group.name, groupHelp(group)), own];
  });
  return `${INTRODUCTION}\n## Commands\n\n${sections.join('\n')}`;
}

function twinSection(name: string, other: string): string {
  return `### tare ${name}\n\nThe same as [tare ${other}](#tare-${other.replaceAll(' ', '-')}).\n`;
}

function section(name: string, help: string): string {
  return `### tare ${name}\n\n\`\`\`\n${help}\`\`\`\n`;
}
