import type { Command, Flag } from '../command.ts';
import { commandFlags, globalFlags, quoted } from './words.ts';

/** A script for zsh's completion system. */
export function zshCompletion(commands: readonly Command[]): string {
  return `#compdef tare
# zsh completion for tare: source <(tare completion zsh)
_tare_containers() {
  local -a names
  names=(\${(f)"$(tare ps --all --format '{{.Names}}' 2>/dev/null)"})
  _describe container names
}
_tare() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  local state line
  _arguments -C \\
${globalFlags().flatMap(flagSpecifications).join('\n')}
    '1:command:->command' '*::argument:->argument' && return
  case $state in
  command) _describe command commands ;;
  argument)
    case $line[1] in
${commands.map(commandCase).join('\n')}
    esac ;;
  esac
}
compdef _tare tare
`;
}

function commandCase(command: Command): string {
  const lines = commandFlags(command).flatMap(flagSpecifications);
  return `    ${command.name}) _arguments -s \\\n${lines.join('\n')}\n    ${operandSpecification(command)} ;;`;
}

function operandSpecification({ completes, interspersed }: Command): string {
  if (completes === 'container')
    return interspersed ? "'*:container:_tare_containers'" : "'1:container:_tare_containers' '*::command:_normal'";
  if (Array.isArray(completes)) return quoted(`1:value:(${(completes as readonly string[]).join(' ')})`);
  return interspersed ? '' : "'*::command:_normal'";
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

function valueAction({ completes }: Flag): string {
  if (completes === 'container') return '_tare_containers';
  if (completes === 'directory') return '_files -/';
  if (completes === 'file') return '_files';
  return completes === undefined ? '' : `(${completes.join(' ')})`;
}
