/** Changes what a running container publishes: what stays is not interrupted. */
import type { Published } from '../../registry/containers.ts';
import type { PortRow } from '../../registry/ports.ts';
import type { Container } from '../container.ts';
import type { Context } from '../context.ts';
import { liveRows, portsForRun } from './live.ts';
import { freePorts, takePorts } from './ports.ts';

/**
 * To what these wishes come to now, on the networks that the container has now. Throws `port_taken`, and then nothing
 * is changed.
 */
export function changePorts(context: Context, container: Container, publish: readonly Published[]): void {
  const { ports: before } = container;
  const { network } = context;
  freePorts(network.ports, before);
  let after: PortRow[];
  try {
    after = portsForRun(context, container, liveRows(container), publish);
  } catch (error) {
    takePorts(network.ports, before);
    throw error;
  }
  takePorts(network.ports, after);
  try {
    record(context, container, after);
    change(context, before, after);
  } catch (error) {
    freePorts(network.ports, after);
    takePorts(network.ports, before);
    record(context, container, before);
    throw error;
  }
}

function record(context: Context, container: Container, ports: readonly PortRow[]): void {
  context.journal.commit((registry) => {
    registry.ports.deleteOf(container.id);
    for (const row of ports) registry.ports.insert(row);
  });
  container.ports = ports;
}

function change(context: Context, before: readonly PortRow[], after: readonly PortRow[]): void {
  const known = (rows: readonly PortRow[]) => new Set(rows.map(textOf));
  const [was, is] = [known(before), known(after)];
  context.network.change(
    before.filter((row) => !is.has(textOf(row))),
    after.filter((row) => !was.has(textOf(row))),
  );
}

/** The same for equal rows, wherever they come from. */
function textOf({ protocol, hostAddress, hostPort, count, containerAddress, containerPort }: PortRow): string {
  return [protocol, hostAddress, hostPort, count, containerAddress, containerPort].join(' ');
}
