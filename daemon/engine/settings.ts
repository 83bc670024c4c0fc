/** Defaults of what a request leaves open. */
export const DEFAULT_STOP_SIGNAL = 'SIGTERM';
/** Seconds, as Docker's. */
export const DEFAULT_STOP_TIMEOUT = 10;
export const DEFAULT_LOG_MAX_BYTES = 16 * 1024 * 1024;
export const DEFAULT_LOG_MAX_FILES = 4;
/** SECURITY.md, default profile. */
export const DEFAULT_PIDS_LIMIT = 2048;
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Ended execs that inspect still knows, per container. */
export const EXECS_KEPT = 64;
/** How long the end of a process is waited for after SIGKILL. */
export const KILL_DEADLINE_MS = 30_000;
