/** The client's own version: package.json says the same, and a test holds both together. */
export const CLIENT_VERSION = '0.1.0';

/** The native API it speaks: the first part of every path. */
export const API_VERSION = 'v1';
