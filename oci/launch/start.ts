/** From a created container to a running one. */
import { decodePlan } from '../../daemon/runtime/plan/decode.ts';
import type { Context } from '../command.ts';
import { endContainer } from '../container/destroy.ts';
import { claimStart, signalStart } from '../container/start-pipes.ts';
import { readPlan, readRecord, specOf, stateDirectory } from '../container/state.ts';
import { statusOf } from '../container/status.ts';
import { OciError } from '../errors.ts';
import { launchError } from './failure.ts';
import { runPoststart, runStartContainerHooks } from './hooks.ts';

/** Runs the program of a container that `create` has left waiting. Throws OciError, HookError; the container is stopped then. */
export async function startContainer(context: Context, id: string): Promise<void> {
  const { root, runtime } = context;
  const record = readRecord(root, id);
  const status = statusOf(root, record, runtime.cgroups);
  if (status === 'paused') throw new OciError(`container ${id} is paused: it can be started once it is resumed`);
  if (status !== 'created') throw new OciError(`container ${id} is ${status}: only one that is created can be started`);
  const directory = stateDirectory(root, id);
  if (!claimStart(directory)) throw new OciError(`container ${id} is started by somebody else already`);
  const spec = specOf(root, record);
  try {
    if (spec.process === undefined) throw new OciError(`container ${id} has no program: config.json says no process`);
    await runStartContainerHooks(context, { record, spec });
    const result = signalStart(directory);
    if (result === 'gone') throw new OciError(`container ${id} ended before it was started`);
    if (result !== 'started') throw launchError(result, decodePlan(readPlan(directory)), `container ${id}`);
    await runPoststart(context, { record, spec });
  } catch (error) {
    await endContainer(context, record);
    throw error;
  }
}
