/**
 * Servers that do not answer. Each container has its own view of them: nobody makes a server look silent to others by
 * asking it for names that take long. One silence is no sign of a silent server either, for the same reason.
 */

/** In a row. */
const SILENCES = 3;
const SHUNNED_MS = 30_000;
const MOST = 1024;

export class Silences {
  private readonly servers = new Map<string, { times: number; last: number }>();

  note(container: string, server: string, hasAnswered: boolean): void {
    const key = `${container} ${server}`;
    const before = this.servers.get(key);
    this.servers.delete(key);
    if (hasAnswered) return;
    if (this.servers.size >= MOST) this.servers.clear();
    this.servers.set(key, { times: (before?.times ?? 0) + 1, last: performance.now() });
  }

  /** The same servers, the silent ones last. */
  inOrder(container: string, servers: readonly string[]): string[] {
    const now = performance.now();
    const isSilent = (server: string): boolean => {
      const found = this.servers.get(`${container} ${server}`);
      return found !== undefined && found.times >= SILENCES && now - found.last < SHUNNED_MS;
    };
    return [...servers.filter((server) => !isSilent(server)), ...servers.filter(isSilent)];
  }
}
