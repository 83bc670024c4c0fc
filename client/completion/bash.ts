import type { Command, CommandGroup, Flag } from '../command.ts';
import {
  NAMES_OF,
  commandFlags,
  globalFlags,
  groupsOf,
  isNamed,
  operandKind,
  quoted,
  spellings,
  takesValue,
  type Vocabulary,
} from './words.ts';

/** A script for bash's programmable completion; it asks the daemon only for names. */
export function bashCompletion(vocabulary: Vocabulary): string {
  const { table, commands } = vocabulary;
  const groups = groupsOf(vocabulary);
  const names = table.map(({ name }) => name).join(' ');
  return `# bash completion for tare: source <(tare completion bash)
_tare_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
${Object.entries(NAMES_OF)
  .map(([kind, ask]) => `_tare_${kind}s() { _tare_words "$(${ask}) $1"; }`)
  .join('\n')}
_tare_value() {
  case "$1 $2" in
${commands.flatMap(valueCases).join('\n')}
  *) return 1 ;;
  esac
}
_tare() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= word i operands=0 skip=
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [ -n "$skip" ]; then skip=; continue; fi
    case "$command $word" in
    ${[...valuePatterns('', globalFlags()), ...commands.flatMap((command) => valuePatterns(command.name, commandFlags(command)))].join(' | ')}) skip=1 ;;
    *" -"*) ;;
    *) case $command in
      '') command=$word ;;
      ${groups.map(({ name }) => quoted(name)).join(' | ')}) command="$command $word" ;;
      *) operands=$((operands + 1)) ;;
      esac ;;
    esac
  done
  if [ -n "$skip" ] && _tare_value "$command" "$prev"; then return; fi
  if [ -z "$command" ]; then
    case $cur in -*) _tare_words ${quoted(spellings(globalFlags()).join(' '))} ;; *) _tare_words ${quoted(names)} ;; esac
    return
  fi
  case $command in
${[...groups.map(groupCase), ...commands.map(commandCase)].join('\n')}
  esac
}
complete -o default -F _tare tare
`;
}

function valuePatterns(command: string, flags: readonly Flag[]): readonly string[] {
  return spellings(takesValue(flags)).map((spelling) => `"${command} ${spelling}"`);
}

function valueCases(command: Command): readonly string[] {
  return takesValue(commandFlags(command)).flatMap((flag) => {
    const patterns = spellings([flag])
      .map((spelling) => `"${command.name} ${spelling}"`)
      .join(' | ');
    const also = quoted((flag.completesAlso ?? []).join(' '));
    if (isNamed(flag.completes)) return [`  ${patterns}) _tare_${flag.completes}s ${also} ;;`];
    if (flag.completes === 'directory') return [`  ${patterns}) COMPREPLY=($(compgen -d -- "$cur")) ;;`];
    if (flag.completes === 'file') return [`  ${patterns}) COMPREPLY=($(compgen -f -- "$cur")) ;;`];
    if (flag.completes !== undefined) return [`  ${patterns}) _tare_words ${quoted(flag.completes.join(' '))} ;;`];
    return [`  ${patterns}) ;;`];
  });
}

function groupCase({ name, commands }: CommandGroup): string {
  const names = [...commands.map((command) => command.name), '--help'].join(' ');
  return `  ${name}) _tare_words ${quoted(names)} ;;`;
}

function commandCase(command: Command): string {
  const flags = spellings(commandFlags(command)).join(' ');
  const first = operandAction(operandKind(command, 0));
  const further = command.interspersed ? operandAction(operandKind(command, 1)) : ':';
  const operand = first === further ? first : `if [ "$operands" -eq 0 ]; then ${first}; else ${further}; fi`;
  return `  ${quoted(command.name)}) case $cur in -*) _tare_words ${quoted(flags)} ;; *) ${operand} ;; esac ;;`;
}

function operandAction(kind: Command['completes']): string {
  if (isNamed(kind)) return `_tare_${kind}s`;
  return kind === undefined || kind === 'none' ? ':' : `_tare_words ${quoted(kind.join(' '))}`;
}
