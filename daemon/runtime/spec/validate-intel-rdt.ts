/** config.json: `linux.intelRdt`, config-linux.md#intelrdt of runtime-spec 1.3.0. */
import { and, boolean, list, object, text, type Check } from './check.ts';
import { SpecError } from './error.ts';
import type { IntelRdt } from './types.ts';

/** Directories that the kernel makes beside the groups, Documentation/filesystems/resctrl.rst. */
const RESERVED: ReadonlySet<string> = new Set(['info', 'mon_groups', 'mon_data']);

/** The name of a directory: nothing that leads out of resctrl, or to what is no class. "/" is the class of the root. */
const closId: Check<string> = and(text, (name, field) => {
  if (name === '' || name === '/') return;
  const isName = !name.includes('/') && name !== '.' && name !== '..' && Buffer.byteLength(name) <= 255;
  if (!isName || /[\n\\]/.test(name) || RESERVED.has(name)) {
    throw new SpecError(field, `"${name}" is not the name of a class of service`);
  }
});

const line: Check<string> = and(text, (value, field) => {
  if (value.includes('\n')) throw new SpecError(field, 'contains a line break');
});

export const intelRdt: Check<IntelRdt> = object<IntelRdt>(
  {
    closID: closId,
    schemata: list(line),
    l3CacheSchema: text,
    memBwSchema: and(line, (value, field) => {
      if (value !== '' && !value.startsWith('MB:')) throw new SpecError(field, `"${value}" does not begin with "MB:"`);
    }),
    enableMonitoring: boolean,
  },
  [],
);
