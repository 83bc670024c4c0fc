/** What the daemon is, and what this host can do. */
import { Type, type Static } from '@sinclair/typebox';
import { NetworkInfo } from './network.ts';

export const Version = Type.Object({
  version: Type.String(),
  apiVersion: Type.String(),
  ociVersion: Type.String(),
  kernel: Type.String(),
  node: Type.String(),
  pid: Type.Integer(),
});
export type Version = Static<typeof Version>;

/** A feature of the host: there, or absent for a reason. */
export const Feature = Type.Object({ available: Type.Boolean(), reason: Type.Optional(Type.String()) });
export type Feature = Static<typeof Feature>;

export const Info = Type.Object({
  version: Version,
  root: Type.String(),
  run: Type.String(),
  hostname: Type.String(),
  cpus: Type.Integer(),
  memory: Type.Integer({ description: 'bytes' }),
  containers: Type.Object({
    total: Type.Integer(),
    running: Type.Integer(),
    paused: Type.Integer(),
    stopped: Type.Integer(),
  }),
  cgroup: Type.Object({
    mode: Type.Union([Type.Literal('v1'), Type.Literal('hybrid'), Type.Literal('v2')]),
    controllers: Type.Record(Type.String(), Type.Union([Type.Literal('v1'), Type.Literal('v2')])),
    parent: Type.String(),
  }),
  network: NetworkInfo,
  features: Type.Record(Type.String(), Feature),
});
export type Info = Static<typeof Info>;
