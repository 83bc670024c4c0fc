/** Events of the engine as Docker's clients read them. */
import type { Event, EventAction } from '../../../shared/api/event.ts';
import { SIGNALS } from '../../../shared/signals.ts';
import { unixNanoseconds } from '../time.ts';
import { splitName } from '../images/names.ts';

export interface DockerEvent {
  readonly Type: 'container' | 'image' | 'network' | 'volume';
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

/** What Docker's clients were told before there were types; of containers and images. */
type Message = DockerEvent & {
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly scope: 'local';
  readonly time: number;
  readonly timeNano: bigint;
};

/** One of the engine may be several of Docker's: a start tells of the networks that are connected, too. */
export function dockerEvents(event: Event): DockerEvent[] {
  const { action } = event;
  if (action.startsWith('image_')) return [imageEvent(event)];
  if (action.startsWith('volume_')) return [volumeEvent(event)];
  if (action.startsWith('network_')) return [networkEvent(event, afterPrefix(action))];
  if (action === 'connect' || action === 'disconnect') return [placeEvent(event, action)];
  const own = containerEvent(event);
  const places = (event.networks ?? []).map(({ id, name }) =>
    placeEvent({ ...event, network: id, detail: name }, action === 'start' ? 'connect' : 'disconnect'),
  );
  return action === 'start' ? [...places, own] : [own, ...places];
}

function afterPrefix(action: EventAction): string {
  return action.slice(action.indexOf('_') + 1);
}

function containerEvent(event: Event): DockerEvent {
  const { action, container = '', labels, name, imageName } = event;
  return {
    Type: 'container',
    Action: actionText(event),
    Actor: {
      ID: container,
      Attributes: {
        ...labels,
        ...(imageName === undefined ? {} : { image: imageName }),
        name,
        ...(event.exec === undefined ? {} : { execID: event.exec }),
        ...(event.exitCode === undefined ? {} : { exitCode: String(event.exitCode) }),
        ...(action === 'kill' ? { signal: signalText(event.detail) } : {}),
        ...(action === 'rename' ? { oldName: `/${event.detail ?? ''}` } : {}),
        ...(action === 'resize' ? extentOf(event.detail) : {}),
        ...(action === 'commit' ? { comment: '', imageID: event.image ?? '' } : {}),
      },
    },
  };
}

const WITH_DETAIL: ReadonlySet<EventAction> = new Set(['exec_create', 'exec_start', 'health_status']);

/** "exec_create: sh -c true", "health_status: healthy" */
function actionText({ action, detail }: Event): string {
  if (action === 'copy') return detail === 'in' ? 'extract-to-dir' : 'archive-path';
  return WITH_DETAIL.has(action) && detail !== undefined ? `${action}: ${detail}` : action;
}

/** Of a terminal: "rows columns". */
function extentOf(detail = ''): Readonly<Record<string, string>> {
  const [height = '', width = ''] = detail.split(' ');
  return { height, width };
}

function signalText(name: string | undefined): string {
  const number = Object.entries(SIGNALS).find(([known]) => known === name)?.[1];
  return number === undefined ? (name ?? '') : String(number);
}

/** By its name where that is what was pulled or pushed, else by its id. */
function imageEvent({ action, image = '', name, labels }: Event): DockerEvent {
  const isByName = action === 'image_pull' || action === 'image_push';
  return {
    Type: 'image',
    Action: afterPrefix(action),
    Actor: { ID: isByName ? name : image, Attributes: { ...labels, name: isByName ? splitName(name)[0] : name } },
  };
}

function volumeEvent({ action, volume = '' }: Event): DockerEvent {
  return { Type: 'volume', Action: afterPrefix(action), Actor: { ID: volume, Attributes: { driver: 'local' } } };
}

function networkEvent({ network = '', name }: Event, Action: string): DockerEvent {
  return { Type: 'network', Action, Actor: { ID: network, Attributes: { name, type: 'bridge' } } };
}

function placeEvent({ network = '', container = '', detail = '' }: Event, Action: string): DockerEvent {
  return { Type: 'network', Action, Actor: { ID: network, Attributes: { container, name: detail, type: 'bridge' } } };
}

export function messageOf(event: DockerEvent, at: string): Message {
  const { Type, Action, Actor } = event;
  const timeNano = unixNanoseconds(at);
  const from = Actor.Attributes.image;
  const isOld = Type === 'container' || Type === 'image';
  return {
    ...(isOld ? { status: Action, id: Actor.ID, ...(Type === 'container' && from !== undefined ? { from } : {}) } : {}),
    Type,
    Action,
    Actor,
    scope: 'local',
    time: Number(timeNano / 1_000_000_000n),
    timeNano,
  };
}
