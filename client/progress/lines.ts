/** Progress where nobody watches a screen: a line when a layer begins, and one when it ends. */
import type { Progress } from '../../shared/api/image.ts';
import { size } from '../format/size.ts';
import { isOver, layerState, statusText, type Done } from './rows.ts';
import type { ProgressView } from './view.ts';

export class ProgressLines implements ProgressView {
  readonly #output: NodeJS.WriteStream;
  readonly #done: Done;
  readonly #told = new Map<string, string>();

  constructor(output: NodeJS.WriteStream, done: Done) {
    this.#output = output;
    this.#done = done;
  }

  take(progress: Progress): void {
    const state = layerState(progress);
    if (progress.status === undefined || state.label === '' || progress.status === 'waiting') return;
    const text = statusText(state, this.#done);
    const key = `${progress.image ?? ''} ${progress.layer ?? ''}`;
    if (this.#told.get(key) === text) return;
    this.#told.set(key, text);
    const length = isOver(state) || state.total === undefined ? '' : ` ${size(state.total)}`;
    this.#output.write(`${state.label}: ${text}${length}\n`);
  }

  end(): void {
    this.#told.clear();
  }
}
