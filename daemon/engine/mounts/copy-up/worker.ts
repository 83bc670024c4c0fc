/** The program of a thread that fills one volume and ends; start-fill.ts starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { isFull } from '../../../registry/reserve.ts';
import { type FillJob, fill } from './fill.ts';
import type { FillAnswer } from './start-fill.ts';

function answer(job: FillJob): FillAnswer {
  try {
    fill(job);
    return { is: 'filled' };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { is: 'failed', message, isFull: isFull(error) };
  }
}

if (parentPort === null) throw new Error('this is the program of a thread');
parentPort.postMessage(answer(workerData as FillJob));
