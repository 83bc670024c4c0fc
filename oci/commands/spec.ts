import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_CAPABILITIES } from '../../daemon/runtime/capabilities.ts';
import { defaultSeccomp } from '../../daemon/runtime/seccomp/default-profile.ts';
import { defaultSpec, probeSpecHost } from '../../daemon/runtime/spec/default-spec.ts';
import { stringifyJson } from '../../daemon/runtime/spec/json.ts';
import type { Mount, Spec } from '../../daemon/runtime/spec/types.ts';
import type { Command } from '../command.ts';
import { OciError, codeOf } from '../errors.ts';

export const spec: Command = {
  name: 'spec',
  usage: '[OPTIONS]',
  summary: 'Write a config.json to begin with',
  notes: [
    'The container is the one that tared makes when nothing is said: a shell in rootfs/ beside config.json, read-only, ' +
      'with all namespaces but user and time, the usual 14 capabilities and the default seccomp profile. A config.json ' +
      'that is there is not overwritten.',
  ],
  flags: [
    { name: 'bundle', short: 'b', type: 'string', value: 'DIR', summary: 'directory to write to', default: '.' },
    {
      name: 'rootless',
      type: 'boolean',
      summary: 'with a user namespace whose root is you, the host’s network and no limits',
    },
  ],
  operands: { min: 0, max: 0 },
  interspersed: true,
  run(input) {
    const file = join(resolve(input.string('bundle') ?? '.'), 'config.json');
    const shell = shellSpec();
    const text = stringifyJson(input.boolean('rootless') ? rootless(shell) : shell, 2);
    try {
      writeFileSync(file, `${text}\n`, { flag: 'wx', mode: 0o644 });
    } catch (error) {
      const problem = codeOf(error) === 'EEXIST' ? 'is there already' : `cannot be written: ${codeOf(error)}`;
      throw new OciError(`${file} ${problem}`, { cause: error });
    }
    return 0;
  },
};

function shellSpec(): Spec {
  return defaultSpec({
    host: probeSpecHost(),
    args: ['sh'],
    hostname: 'tare',
    terminal: true,
    readonlyRoot: true,
    seccomp: defaultSeccomp(new Set(DEFAULT_CAPABILITIES)),
  });
}

/** What somebody may do who is root nowhere but in a user namespace of one id: user_namespaces(7), sysfs(5). */
export function rootless(from: Spec, uid = process.geteuid?.() ?? 0, gid = process.getegid?.() ?? 0): Spec {
  const { namespaces = [], ...linux } = from.linux ?? {};
  delete linux.resources;
  return {
    ...from,
    mounts: (from.mounts ?? []).map(rootlessMount),
    linux: {
      ...linux,
      namespaces: [...namespaces.filter(({ type }) => type !== 'network'), { type: 'user' }],
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
    },
  };
}

/** A new sysfs needs a network namespace of one's own, and only one group id is there. */
function rootlessMount(mount: Mount): Mount {
  if (mount.type === 'sysfs') {
    const options = ['rbind', ...(mount.options ?? []).filter((option) => !/^r[ow]$/.test(option)), 'rro'];
    return { destination: mount.destination, type: 'none', source: '/sys', options };
  }
  if (mount.options === undefined) return mount;
  return { ...mount, options: mount.options.filter((option) => !/^[ug]id=/.test(option)) };
}
