/** pid, ipc, uts and cgroup namespace of a request: its own, the host's, or that of another container. */
import type { CreateRequest } from '../../../shared/api/container.ts';
import { SHARED_MEMORY, type SpecSharing } from '../../runtime/spec/default-spec.ts';
import type { NamespaceType } from '../../runtime/spec/types.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { EngineError } from '../errors.ts';
import { documentsOf } from '../inspect.ts';
import { bytesOf } from '../limits.ts';

/** Whole ids of the containers whose namespaces are joined at each start. */
export interface Joins {
  readonly pid?: string;
  readonly ipc?: string;
}

export interface PreparedModes {
  readonly sharing: SpecSharing;
  readonly joins: Joins;
}

const CONTAINER = 'container:';
const SHARED_MEMORY_AT = '/dev/shm';
/** The kernel counts a tmpfs in pages; 0 would be one without a bound. */
const LEAST_SHARED_MEMORY = 4096;

/** @throws EngineError `invalid_field`, `container_not_found`, `ambiguous_reference`, by the request's fields */
export function prepareModes(context: Context, request: CreateRequest): PreparedModes {
  const pid = joined(context, request, 'pid');
  const ipc = joined(context, request, 'ipc');
  if (ipc !== undefined) checkShareable(context, ipc);
  const joins = { ...(pid === undefined ? {} : { pid: pid.id }), ...(ipc === undefined ? {} : { ipc: ipc.id }) };
  return { sharing: sharingOf(request, joins, context.places), joins };
}

/** `places`: what stands in the spec for what is known at a start only. Throws `invalid_field`. */
export function sharingOf(
  request: CreateRequest,
  joins: Joins = {},
  places?: { joinedNamespace(id: string, type: string): string },
): SpecSharing {
  const host = new Set<NamespaceType>();
  for (const type of ['pid', 'ipc', 'uts'] as const) if (request[type] === 'host') host.add(type);
  if (request.cgroupNamespace === 'host') host.add('cgroup');
  if (host.has('uts')) refuseNames(request);
  const path = (id: string, type: string): string => places?.joinedNamespace(id, type) ?? '';
  const namespaces = Object.entries(joins) as [keyof Joins, string][];
  return {
    host,
    joined: new Map(namespaces.map(([type, id]) => [type, path(id, type)])),
    sharedMemory: sharedMemoryOf(request, joins.ipc === undefined ? undefined : path(joins.ipc, 'shm')),
  };
}

function refuseNames(request: CreateRequest): void {
  for (const name of ['hostname', 'domainname'] as const) {
    if (request[name] !== undefined) throw invalid(name, 'has no meaning with uts "host": it is the host\'s own there');
  }
}

function sharedMemoryOf({ ipc = 'private', shmSize }: CreateRequest, joinedAt: string | undefined) {
  const isOwn = ipc === 'private' || ipc === 'shareable';
  if (!isOwn && shmSize !== undefined) {
    throw invalid('shmSize', `has no meaning with ipc "${ipc}": /dev/shm is not the container's own`);
  }
  if (ipc === 'none') return undefined;
  if (ipc === 'host') return SHARED_MEMORY_AT;
  if (!isOwn) return joinedAt;
  const bytes = bytesOf(shmSize, 'shmSize') ?? SHARED_MEMORY;
  if (bytes < LEAST_SHARED_MEMORY) {
    throw invalid('shmSize', `${String(bytes)} bytes are too few: at least ${String(LEAST_SHARED_MEMORY)}`);
  }
  return bytes;
}

function joined(context: Context, request: CreateRequest, field: keyof Joins): Container | undefined {
  const mode = request[field];
  if (mode?.startsWith(CONTAINER) !== true) return undefined;
  try {
    return context.containers.find(mode.slice(CONTAINER.length));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `${field}: ${error.message}`, { field, cause: error });
  }
}

/** Who says nothing, or whose bundle decides, shares with nobody: that others see it is for its owner to say. */
function checkShareable(context: Context, container: Container): void {
  const { ipc } = JSON.parse(documentsOf(context, container).request) as CreateRequest;
  if (ipc !== undefined && ipc !== 'private' && ipc !== 'none') return;
  throw new EngineError('invalid_field', `ipc: container ${container.name} does not share its IPC namespace`, {
    field: 'ipc',
    hint: 'create that container with ipc "shareable"',
  });
}

function invalid(field: string, problem: string): EngineError {
  return new EngineError('invalid_field', `${field}: ${problem}`, { field });
}
