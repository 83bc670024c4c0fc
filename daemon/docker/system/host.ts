/** What this host is called, in Go's and in Docker's words. */
import { readFileSync } from 'node:fs';
import { arch, machine } from 'node:os';

const GO_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

export function architecture(): string {
  return GO_NAMES[arch()] ?? arch();
}

/** As uname -m has it. */
export function machineName(): string {
  return machine();
}

/** os-release(5): "Debian GNU/Linux 12 (bookworm)". */
export function operatingSystem(): { readonly name: string; readonly version: string } {
  const fields = osRelease();
  return { name: fields.get('PRETTY_NAME') ?? 'Linux', version: fields.get('VERSION_ID') ?? '' };
}

function osRelease(): ReadonlyMap<string, string> {
  const text = readFirst(['/etc/os-release', '/usr/lib/os-release']);
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, key, value] = /^([A-Z_]+)="?(.*?)"?$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value] as const];
    }),
  );
}

function readFirst(paths: readonly string[]): string {
  for (const path of paths) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // ignoring that this one is not there: there are two places for it
    }
  }
  return '';
}
