/** Events: what happened to containers, networks, images and volumes, in order. */
import { Type, type Static } from '@sinclair/typebox';
import { Labels, Moment, Timestamp, closed } from './common.ts';

export const EVENT_ACTIONS = [
  'create',
  'start',
  'exec_create',
  'exec_start',
  'exec_die',
  'attach',
  'pause',
  'unpause',
  'update',
  'rename',
  'resize',
  'connect',
  'disconnect',
  'kill',
  'oom',
  'health_status',
  'top',
  'exec_detach',
  'detach',
  'die',
  'stop',
  'restart',
  'destroy',
  'commit',
  'copy',
  'export',
  'network_create',
  'network_destroy',
  'image_pull',
  'image_push',
  'image_load',
  'image_save',
  'image_import',
  'image_tag',
  'image_untag',
  'image_delete',
  'volume_create',
  'volume_destroy',
] as const;
export const EventAction = Type.Union(EVENT_ACTIONS.map((name) => Type.Literal(name)));
export type EventAction = (typeof EVENT_ACTIONS)[number];

export const Event = Type.Object({
  /** Grows by one, also across restarts of the daemon. */
  sequence: Type.Integer(),
  at: Timestamp,
  action: EventAction,
  /** Absent for network_*, image_* and volume_*. */
  container: Type.Optional(Type.String()),
  /** network_*, connect, disconnect: its id. */
  network: Type.Optional(Type.String()),
  /** image_*, commit: its id. */
  image: Type.Optional(Type.String()),
  /** volume_*: its name. */
  volume: Type.Optional(Type.String()),
  /** Of a container: the image that it is made of, as it was asked for. */
  imageName: Type.Optional(Type.String()),
  /** start, die: the networks that the container is on. */
  networks: Type.Optional(Type.Array(Type.Object({ id: Type.String(), name: Type.String() }))),
  /** Of the container; for network_* of the network, for image_* of the image or its id, for volume_* of the volume. */
  name: Type.String(),
  labels: Labels,
  /** exec_*: its id. */
  exec: Type.Optional(Type.String()),
  /** die, exec_die: absent where unknown. */
  exitCode: Type.Optional(Type.Integer()),
  /** kill: the signal's name. health_status: the new status. rename: the former name. connect, disconnect: the network's name. */
  detail: Type.Optional(Type.String()),
});
export type Event = Static<typeof Event>;

export const EventQuery = closed({
  /** RFC 3339 or seconds since 1970; what is kept since then is told first. */
  since: Type.Optional(Moment),
  /** The stream ends then; a time in the past gives what is kept and ends. */
  until: Type.Optional(Moment),
  container: Type.Optional(Type.Array(Type.String())),
  network: Type.Optional(Type.Array(Type.String())),
  /** By id, or name. */
  image: Type.Optional(Type.Array(Type.String())),
  volume: Type.Optional(Type.Array(Type.String())),
  action: Type.Optional(Type.Array(EventAction)),
  label: Type.Optional(Type.Array(Type.String())),
});
export type EventQuery = Static<typeof EventQuery>;
