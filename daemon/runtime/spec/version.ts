/** Versions of the runtime specification: a config.json of any from the first to the last is understood. */

export const OCI_VERSION_MIN = '1.0.0';
/** What config.json and state are written in. */
export const OCI_VERSION_MAX = '1.3.0';
