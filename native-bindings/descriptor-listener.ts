/** A unix socket that is sent one descriptor by whoever connects to it: what `--console-socket` of an OCI runtime is. */
import { closeSync } from 'node:fs';
import { systemCall } from './libc.ts';
import { NoAnswer, Receiver, SUN_PATH_SIZE, sockaddr } from './receive-descriptor.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

const socket = systemCall<[domain: number, type: number, protocol: number]>(
  'int socket(int domain, int type, int protocol)',
);
const bind = systemCall<[fd: number, address: Buffer, size: number]>(
  'int bind(int fd, const void *address, uint size)',
);
const listen = systemCall<[fd: number, backlog: number]>('int listen(int fd, int backlog)');
const accept = systemCall<[fd: number, address: null, size: null, flags: number]>(
  'int accept4(int fd, void *address, void *size, int flags)',
);

/** A listening socket at `path`, which must not exist; close-on-exec. The caller closes it and removes the path. */
export function listenForDescriptor(path: string): number {
  const address = sockaddr(path);
  const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  try {
    bind(fd, address, 2 + SUN_PATH_SIZE);
    listen(fd, 1);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * The descriptor (close-on-exec; the caller closes it) that has been sent already. Waits for nothing: throws
 * SystemError EAGAIN where nobody has connected, NoAnswer where nothing was sent.
 */
export function takeDescriptor(listener: number): number {
  const connection = accept(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
  try {
    const [descriptor, ...surplus] = new Receiver().receive(connection)?.descriptors ?? [];
    for (const other of surplus) closeSync(other);
    if (descriptor === undefined) throw new NoAnswer('no descriptor was sent', false);
    return descriptor;
  } finally {
    closeSync(connection);
  }
}
