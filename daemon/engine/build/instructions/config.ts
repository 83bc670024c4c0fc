/** Instructions that change the configuration alone. */
import { variablesOf, applyInstruction } from '../../../images/manifest/changes.ts';
import { expanded, jsonWords, pairsOf, wordsOf } from '../../../images/manifest/dockerfile-words.ts';
import { InvalidChange } from '../../../images/manifest/invalid-change.ts';
import type { Instruction } from '../dockerfile.ts';
import type { Stage } from '../stage.ts';

/** Throws InvalidChange. */
export function changeConfig(stage: Stage, { keyword, rest }: Instruction): void {
  if (keyword === 'MAINTAINER') stage.author = rest;
  else if (keyword === 'SHELL') {
    const shell = jsonWords(rest);
    if (shell === undefined || shell.length === 0) throw new InvalidChange('SHELL requires the arguments to be in JSON form');
    stage.run = { ...stage.run, shell };
  } else if (keyword === 'ARG') {
    for (const { name, value } of argumentsOf(rest, stage)) stage.scope.declare(name, value);
  } else applyInstruction(stage, keyword, rest);
}

/** "NAME", "NAME=value", several of them. Throws InvalidChange. */
export function argumentsOf(
  rest: string,
  state: Pick<Stage, 'run' | 'args' | 'escape'>,
): { readonly name: string; readonly value: string | undefined }[] {
  return wordsOf(rest, state.escape).map((word) => {
    const variables = variablesOf(state);
    const [pair] = word.includes('=') ? (pairsOf(word, variables, state.escape) ?? []) : [];
    const [name, value] = pair ?? [expanded(word, variables, state.escape), undefined];
    if (name === '') throw new InvalidChange('ARG names can not be blank');
    return { name, value };
  });
}
