import type { Command, Flag } from '../command.ts';
import { commandFlags, globalFlags, quoted, spellings, takesValue } from './words.ts';

/** A script for bash's programmable completion; it asks the daemon only for names of containers. */
export function bashCompletion(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# bash completion for tare: source <(tare completion bash)
_tare_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_tare_containers() { _tare_words "$(tare ps --all --format '{{.Names}}' 2>/dev/null)"; }
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
    *) if [ -z "$command" ]; then command=$word; else operands=$((operands + 1)); fi ;;
    esac
  done
  if [ -n "$skip" ] && _tare_value "$command" "$prev"; then return; fi
  if [ -z "$command" ]; then
    case $cur in -*) _tare_words ${quoted(spellings(globalFlags()).join(' '))} ;; *) _tare_words ${quoted(names)} ;; esac
    return
  fi
  case $command in
${commands.map(commandCase).join('\n')}
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
    if (flag.completes === 'container') return [`  ${patterns}) _tare_containers ;;`];
    if (flag.completes === 'directory') return [`  ${patterns}) COMPREPLY=($(compgen -d -- "$cur")) ;;`];
    if (flag.completes === 'file') return [`  ${patterns}) COMPREPLY=($(compgen -f -- "$cur")) ;;`];
    if (flag.completes !== undefined) return [`  ${patterns}) _tare_words ${quoted(flag.completes.join(' '))} ;;`];
    return [`  ${patterns}) ;;`];
  });
}

function commandCase(command: Command): string {
  const flags = spellings(commandFlags(command)).join(' ');
  const { completes } = command;
  const first = command.interspersed ? '' : '[ "$operands" -eq 0 ] && ';
  const operand =
    completes === 'container'
      ? `${first}_tare_containers`
      : Array.isArray(completes)
        ? `_tare_words ${quoted((completes as readonly string[]).join(' '))}`
        : ':';
  return `  ${command.name}) case $cur in -*) _tare_words ${quoted(flags)} ;; *) ${operand} ;; esac ;;`;
}
