/** Address families as the kernel numbers them: AF_* of include/linux/socket.h. */
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;

export const numberOf = (family: 4 | 6): number => (family === 4 ? AF_INET : AF_INET6);

/** undefined: neither IPv4 nor IPv6. */
export function familyOf(number: number): 4 | 6 | undefined {
  if (number === AF_INET) return 4;
  return number === AF_INET6 ? 6 : undefined;
}
