import { capabilityMask } from '../../daemon/runtime/capabilities.ts';
import { validateProcess } from '../../daemon/runtime/spec/validate.ts';
import type { Process, Spec, User } from '../../daemon/runtime/spec/types.ts';
import type { Arguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import { OciError, UsageError, textOf } from '../errors.ts';
import { readJsonFile } from '../launch/bundle.ts';
import { execInContainer } from '../launch/exec.ts';
import type { Log } from '../log.ts';

/** As runc's, which tells a failure of its own from most of a program's so. */
const EXEC_FAILURE = 255;

export const exec: Command = {
  name: 'exec',
  usage: '[OPTIONS] CONTAINER COMMAND [ARGUMENT...]',
  summary: 'Run a further process in a container',
  notes: [
    'What the options do not say is as for the container’s own process. With --process a file says all of it.',
    `Ends with the exit code of the process, or with ${String(EXEC_FAILURE)} where there is none.`,
  ],
  flags: [
    {
      name: 'process',
      short: 'p',
      type: 'string',
      value: 'FILE',
      summary: 'JSON file of the process: "process" of a config.json',
    },
    { name: 'detach', short: 'd', type: 'boolean', summary: 'return once the program runs' },
    { name: 'tty', short: 't', type: 'boolean', summary: 'give it a terminal' },
    {
      name: 'console-socket',
      type: 'string',
      value: 'PATH',
      summary: 'unix socket that is sent the master of the terminal',
    },
    { name: 'pid-file', type: 'string', value: 'FILE', summary: 'write the process id to FILE' },
    { name: 'cwd', type: 'string', value: 'DIR', summary: 'working directory in the container' },
    { name: 'env', short: 'e', type: 'list', value: 'NAME=VALUE', summary: 'add to the environment' },
    { name: 'user', short: 'u', type: 'string', value: 'UID[:GID]', summary: 'user and group, by number' },
    { name: 'additional-gids', short: 'g', type: 'list', value: 'GID', summary: 'add a group, by number' },
    { name: 'cap', short: 'c', type: 'list', value: 'NAME', summary: 'add a capability' },
    { name: 'no-new-privs', type: 'boolean', summary: 'no privileges are gained by execve' },
    { name: 'apparmor', type: 'string', value: 'PROFILE', summary: 'AppArmor profile' },
    { name: 'process-label', type: 'string', value: 'LABEL', summary: 'SELinux label' },
    {
      name: 'preserve-fds',
      type: 'integer',
      value: 'N',
      summary: 'hand N descriptors, from 3 on, to the program',
      default: '0',
    },
    { name: 'ignore-paused', type: 'boolean', summary: 'also in a container that is paused' },
    {
      name: 'cgroup',
      type: 'string',
      summary: '',
      refused: 'a process joins the control groups in which the container’s init is',
    },
  ],
  operands: { min: 1 },
  interspersed: false,
  async run(input, context) {
    const [id = '', ...args] = input.operands;
    const pidFile = input.string('pid-file') ?? '';
    const consoleSocket = input.string('console-socket') ?? '';
    try {
      return await execInContainer(context, {
        id,
        ...(pidFile === '' ? {} : { pidFile }),
        ...(consoleSocket === '' ? {} : { consoleSocket }),
        detach: input.boolean('detach'),
        ignorePaused: input.boolean('ignore-paused'),
        preserveDescriptors: Number(input.integer('preserve-fds') ?? 0),
        processOf: (spec) => processOf(input, args, spec, context.log),
      });
    } catch (error) {
      throw new OciError(textOf(error), { cause: error, exitCode: EXEC_FAILURE });
    }
  },
};

function processOf(input: Arguments, args: readonly string[], spec: Spec, log: Log): Process {
  const file = input.string('process') ?? '';
  const warn = (field: string, problem: string): void => log.warning(`${field}: ${problem}`);
  if (file !== '') return validateProcess(readJsonFile(file), 'process', { unknown: 'ignore', warn });
  if (args.length === 0) throw new UsageError('exec needs a command, or --process');
  const own = spec.process ?? { cwd: '/' };
  const wanted: Process = {
    ...own,
    args: [...args],
    terminal: input.boolean('tty'),
    cwd: input.string('cwd') ?? own.cwd,
    env: [...(own.env ?? []), ...input.list('env')],
    user: userOf(input, own.user ?? { uid: 0, gid: 0 }),
  };
  delete wanted.consoleSize;
  if (input.boolean('no-new-privs')) wanted.noNewPrivileges = true;
  const apparmor = input.string('apparmor');
  if (apparmor !== undefined) wanted.apparmorProfile = apparmor;
  const label = input.string('process-label');
  if (label !== undefined) wanted.selinuxLabel = label;
  const added = input.list('cap').map(capabilityName);
  if (added.length > 0) wanted.capabilities = withCapabilities(own, added);
  return validateProcess(wanted, 'process', { unknown: 'refuse' });
}

/** To all sets but the inheritable one, as runc adds them since CVE-2022-29162. */
function withCapabilities({ capabilities: own = {} }: Process, added: readonly string[]): Process['capabilities'] & {} {
  const plus = (names: readonly string[] = []): string[] => [...new Set([...names, ...added])];
  // An ambient capability has to be inheritable as well, capabilities(7): those stay the container's.
  return { ...own, bounding: plus(own.bounding), effective: plus(own.effective), permitted: plus(own.permitted) };
}

function capabilityName(text: string): string {
  const upper = text.toUpperCase();
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  capabilityMask([name]);
  return name;
}

/** Numbers only: which user a name is would be for files of the container to say. */
function userOf(input: Arguments, own: User): User {
  const user: User = { ...own };
  const text = input.string('user');
  if (text !== undefined) {
    const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
    if (match === null) throw new UsageError(`--user takes UID or UID:GID, not ${JSON.stringify(text)}`);
    user.uid = Number(match[1]);
    if (match[2] !== undefined) user.gid = Number(match[2]);
  }
  const groups = input.list('additional-gids').map((group) => {
    if (!/^\d{1,10}$/.test(group))
      throw new UsageError(`--additional-gids takes a number, not ${JSON.stringify(group)}`);
    return Number(group);
  });
  if (groups.length > 0) user.additionalGids = [...(own.additionalGids ?? []), ...groups];
  return user;
}
