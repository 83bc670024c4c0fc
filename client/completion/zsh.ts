import type { Command, CommandGroup, Flag } from '../command.ts';
import { HELP_FLAG } from '../help.ts';
import {
  NAMES_OF,
  commandFlags,
  globalFlags,
  groupsOf,
  isNamed,
  operandKind,
  quoted,
  type Vocabulary,
} from './words.ts';

/** A script for zsh's completion system. */
export function zshCompletion(vocabulary: Vocabulary): string {
  const { table, commands } = vocabulary;
  const groups = groupsOf(vocabulary);
  const cases = [
    ...commands.filter(({ name }) => !name.includes(' ')).map((command) => commandCase(command.name, command)),
    ...groups.map(({ name }) => `    ${name}) _tare_${name} ;;`),
  ];
  return `#compdef tare
# zsh completion for tare: source <(tare completion zsh)
${Object.entries(NAMES_OF)
  .map(([kind, ask]) => nameFunction(kind, ask))
  .join('\n')}
${groups.map((group) => groupFunction(group, commands)).join('\n')}
_tare() {
${dispatch(table, globalFlags(), cases)}
}
compdef _tare tare
`;
}

/** What contains a colon has to say so: _describe parts names from what is said of them there. */
function nameFunction(kind: string, ask: string): string {
  return `_tare_${kind}s() {
  local -a names
  names=(\${(f)"$(${ask})"} "$@")
  names=("\${names[@]//:/\\\\:}")
  _describe ${kind} names
}`;
}

function groupFunction({ name, commands: entries }: CommandGroup, commands: readonly Command[]): string {
  const cases = entries.flatMap((entry) => {
    const command = commands.find((one) => one.name === `${name} ${entry.name}`);
    return command === undefined ? [] : [commandCase(entry.name, command)];
  });
  return `_tare_${name}() {\n${dispatch(entries, [HELP_FLAG], cases)}\n}`;
}

interface Choice {
  readonly name: string;
  readonly summary: string;
}

/** The body of a function that completes the word of a command and, behind it, what that command takes. */
function dispatch(choices: readonly Choice[], flags: readonly Flag[], cases: readonly string[]): string {
  return `  local -a commands
  commands=(
${choices.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  local state line
  _arguments -C \\
${flags.flatMap(flagSpecifications).join('\n')}
    '1:command:->command' '*::argument:->argument' && return
  case $state in
  command) _describe command commands ;;
  argument)
    case $line[1] in
${cases.join('\n')}
    esac ;;
  esac`;
}

function commandCase(word: string, command: Command): string {
  const lines = commandFlags(command).flatMap(flagSpecifications);
  return `    ${word}) _arguments -s \\\n${lines.join('\n')}\n    ${operandSpecification(command)} ;;`;
}

function operandSpecification(command: Command): string {
  const first = operandAction(operandKind(command, 0));
  if (!command.interspersed) return `${first === '' ? '' : `'1:${first}' `}'*::command:_normal'`;
  const further = operandAction(operandKind(command, 1));
  if (first === further && first.endsWith('s')) return `'*:${first}'`;
  return [...(first === '' ? [] : [quoted(`1:${first}`)]), ...(further === '' ? [] : [quoted(`*:${further}`)])].join(
    ' ',
  );
}

/** Message and action of an operand. */
function operandAction(kind: Command['completes']): string {
  if (isNamed(kind)) return `${kind}:_tare_${kind}s`;
  return kind === undefined || kind === 'none' ? '' : `value:(${kind.join(' ')})`;
}

function flagSpecifications(flag: Flag): readonly string[] {
  const summary = flag.summary.replace(/[[\]:\\]/g, (character) => `\\${character}`);
  const repeat = flag.type === 'list' ? '*' : '';
  const value =
    flag.type === 'boolean' ? '' : `:${flag.value ?? 'value'}:${valueAction(flag)}`.replaceAll('=VALUE', '');
  const forms = [
    `--${flag.name}${flag.type === 'boolean' ? '' : '='}`,
    ...(flag.short === undefined ? [] : [`-${flag.short}`]),
  ];
  return forms.map((form) => `    ${quoted(`${repeat}${form}[${summary}]${value}`)} \\`);
}

function valueAction({ completes, completesAlso = [] }: Flag): string {
  if (isNamed(completes))
    return completesAlso.length === 0
      ? `_tare_${completes}s`
      : `{_tare_${completes}s ${completesAlso.map((word) => word.replaceAll(':', '\\:')).join(' ')}}`;
  if (completes === 'directory') return '_files -/';
  if (completes === 'file') return '_files';
  return completes === undefined ? '' : `(${completes.join(' ')})`;
}
