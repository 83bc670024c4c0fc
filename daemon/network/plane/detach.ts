/** The end of an endpoint whose container goes on without it. */
import { NetlinkError, Rtnetlink } from '../rtnetlink/connection.ts';
import { deleteLink } from '../rtnetlink/links.ts';

const ENODEV = 19;

/**
 * Takes the pair of veths away, here and in the container; also where it is gone already. The kernel takes some 20 ms
 * (it waits until no processor holds the device any more), on a thread: the event loop goes on. `namespace`: that of
 * the host's end, without one this process's own.
 *
 * @throws NetlinkError, SystemError
 */
export async function detachEndpoint(hostInterface: string, namespace?: number): Promise<void> {
  // A connection of its own: nobody else may use one in which a thread is at work.
  const host = Rtnetlink.open(namespace);
  try {
    await host.batchOnThread([deleteLink({ name: hostInterface })]);
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === ENODEV)) throw error;
  } finally {
    host.close();
  }
}
