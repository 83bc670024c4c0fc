/** What validates and writes for fastify, in place of what it would load: 25 MB of the daemon's memory. */
import type { FastifyServerOptions } from 'fastify';
import { compileValidator } from './validation.ts';

type CompilersFactory = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>;

/** With both given, fastify loads neither Ajv nor fast-json-stringify; its types know only validators of Ajv's make. */
export const COMPILERS = {
  buildValidator: () => compileValidator,
  buildSerializer: () => () => JSON.stringify,
} as unknown as CompilersFactory;
