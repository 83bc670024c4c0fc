/** Attaches a client to a process that a shim has, or is about to be given. */
import type { AttachOptions, Attachment } from '../../api/engine.ts';
import type { AttachmentOptions, ShimAttachment } from '../../shim/types.ts';
import { LiveAttachment } from './live.ts';
import { LoggedAttachment } from './logged.ts';
import { attachError, type AttachTarget } from './target.ts';

export interface RunningAttach extends AttachTarget, Omit<AttachOptions, 'logs'> {
  /** Whether it has a PTY; to be said for a process that is not started yet, for which the shim cannot say. */
  readonly terminal?: boolean;
  /** The log to be told first, rotated files included; absent: only what comes from now on. */
  readonly log?: string;
}

/** Throws EngineError container_not_running, exec_not_running, shim_unreachable, kernel_refused. */
export async function attachRunning(attach: RunningAttach): Promise<Attachment> {
  const { log } = attach;
  // with a log all output comes from there: only so nothing is missing or double between what was and what is
  const output = log === undefined ? attach : { stdout: false, stderr: false, followsLog: true };
  const streams = await openStreams(attach, output);
  const live = new LiveAttachment(attach, streams, attach.terminal ?? streams.terminal);
  return log === undefined ? live : new LoggedAttachment(live, log, attach);
}

/** The shim's end of it: output as asked for, stdin closed behind its writer unless it is a terminal's. */
export async function openStreams(
  attach: RunningAttach,
  output: { readonly stdout: boolean; readonly stderr: boolean; readonly followsLog?: boolean },
): Promise<ShimAttachment> {
  const options: AttachmentOptions = {
    stdin: attach.stdin,
    stdout: output.stdout,
    stderr: output.stderr,
    // who detaches from a terminal leaves its process to read on
    closeStdin: attach.closesStdin ?? attach.terminal !== true,
    // a foreground run loses no output: a slow reader holds the process at its pipe
    cutWhenSlow: false,
    followsLog: output.followsLog === true,
  };
  try {
    return await attach.shim.attach(attach.process, options);
  } catch (error) {
    throw attachError(attach, error);
  }
}
