/**
 * Attach and exec over WebSocket: the Kubernetes remote-command subprotocol. Binary frames; the first byte
 * is the channel. https://kubernetes.io/docs/reference/ ("v5.channel.k8s.io", KEP-4006).
 */
export const STREAM_PROTOCOL = 'v5.channel.k8s.io';

export const CHANNEL = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** From the daemon, once, as the last: a JSON `StreamStatus`. */
  status: 3,
  /** From the client: JSON `{"Width": columns, "Height": rows}`. */
  resize: 4,
  /** From the client: one more byte, the channel that is at its end (only stdin can be). */
  close: 255,
} as const;

/** The status channel's message, a subset of Kubernetes' metav1.Status. */
export interface StreamStatus {
  readonly metadata: Record<string, never>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  /** "NonZeroExitCode", "UnknownExit", "Detached" (cut off or daemon going down), "StartFailed". */
  readonly reason?: string;
  readonly details?: { readonly causes: readonly { readonly reason: string; readonly message: string }[] };
}

/** With reason NonZeroExitCode the code is in a cause of this reason. */
export const EXIT_CODE_CAUSE = 'ExitCode';
