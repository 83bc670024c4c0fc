/** Processes of a shim that the API does not know: init is "", and the name of an exec has 64 digits. */

/** The hook that runs in the container. */
export const HOOK_PROCESS = 'hook';
/** Those that hold user namespaces: this and a number. */
export const HOLDER_PREFIX = 'idmap-';
/** Probes of health checks: this and 16 digits. */
export const PROBE_PREFIX = 'health-';
