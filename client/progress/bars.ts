/**
 * Progress on a terminal: a row a layer, drawn anew in its place. A frame is one write, rows that are as they were are
 * stepped over, and nothing is cleared before it is written but when the window has changed, so nothing flickers.
 */
import type { Progress } from '../../shared/api/image.ts';
import { isOver, layerState, row, type Done, type LayerState } from './rows.ts';
import type { ProgressView } from './view.ts';

/** Milliseconds between frames. */
const FRAME = 80;
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
/** A line that is too long for a window that is just getting smaller is cut off, not wrapped. */
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';

/** What of a terminal is used. */
export type Screen = Pick<NodeJS.WriteStream, 'columns' | 'rows' | 'write' | 'on' | 'off'>;

export class ProgressBars implements ProgressView {
  readonly #screen: Screen;
  readonly #done: Done;
  readonly #layers = new Map<string, LayerState>();
  /** The rows of the screen above the cursor that are ours. */
  #shown: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(screen: Screen, done: Done) {
    this.#screen = screen;
    this.#done = done;
    screen.on('resize', this.#resized);
  }

  take(progress: Progress): void {
    const state = layerState(progress);
    if (progress.status === undefined || state.label === '') return;
    this.#layers.set(`${progress.image ?? ''} ${progress.layer ?? ''}`, state);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw(this.#shown.length);
    }, FRAME);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#screen.off('resize', this.#resized);
    this.#draw(this.#shown.length);
    this.#layers.clear();
    this.#shown = [];
  }

  /** Terminals wrap what stands there to their new width: a row of ours may be several now. */
  readonly #resized = (): void => {
    const columns = Math.max(1, this.#screen.columns);
    const occupied = this.#shown.reduce((rows, text) => rows + Math.max(1, Math.ceil(text.length / columns)), 0);
    this.#shown = [];
    // Rows that were wrapped are remembered as such by the terminal until they are cleared.
    this.#draw(occupied, CLEAR_BELOW);
  };

  /** The cursor stands below the rows that are there, at the beginning of a line. */
  #draw(occupied: number, before = ''): void {
    const rows = this.#rows();
    const up = Math.min(occupied, Math.max(0, this.#screen.rows - 1));
    if (rows.length === 0 && up === 0) return;
    const former = this.#shown;
    const lines = rows.map((text, place) => (text === former[place] ? '\n' : `${text}${CLEAR_LINE}\n`));
    const rise = up === 0 ? '' : `\r\u001b[${String(up)}A`;
    this.#screen.write(`${NO_WRAP}${rise}${before}${lines.join('')}${rows.length < up ? CLEAR_BELOW : ''}${WRAP}`);
    this.#shown = rows;
  }

  /** Where there are more layers than fit, those that are over go first. */
  #rows(): readonly string[] {
    const { columns, rows: height } = this.#screen;
    const layers = [...this.#layers.values()];
    const fit = Math.max(1, height - 1);
    const width = Math.max(1, columns - 1);
    if (layers.length <= fit) return layers.map((state) => row(state, width, this.#done));
    const open = layers.filter((state) => !isOver(state)).slice(0, fit - 1);
    const over = layers.filter(isOver).length;
    const summary = `${String(over)} of ${String(layers.length)} layers are complete`;
    return [...open.map((state) => row(state, width, this.#done)), summary.slice(0, width)];
  }
}
