/** Names of Linux error numbers: include/uapi/asm-generic/errno-base.h and errno.h. */
import { constants } from 'node:os';

/** What node:os does not list. */
const FURTHER: Readonly<Record<number, string>> = {
  15: 'ENOTBLK',
  44: 'ECHRNG',
  45: 'EL2NSYNC',
  46: 'EL3HLT',
  47: 'EL3RST',
  48: 'ELNRNG',
  49: 'EUNATCH',
  50: 'ENOCSI',
  51: 'EL2HLT',
  52: 'EBADE',
  53: 'EBADR',
  54: 'EXFULL',
  55: 'ENOANO',
  56: 'EBADRQC',
  57: 'EBADSLT',
  59: 'EBFONT',
  64: 'ENONET',
  65: 'ENOPKG',
  66: 'EREMOTE',
  68: 'EADV',
  69: 'ESRMNT',
  70: 'ECOMM',
  73: 'EDOTDOT',
  76: 'ENOTUNIQ',
  77: 'EBADFD',
  78: 'EREMCHG',
  79: 'ELIBACC',
  80: 'ELIBBAD',
  81: 'ELIBSCN',
  82: 'ELIBMAX',
  83: 'ELIBEXEC',
  85: 'ERESTART',
  86: 'ESTRPIPE',
  87: 'EUSERS',
  94: 'ESOCKTNOSUPPORT',
  96: 'EPFNOSUPPORT',
  108: 'ESHUTDOWN',
  109: 'ETOOMANYREFS',
  112: 'EHOSTDOWN',
  117: 'EUCLEAN',
  118: 'ENOTNAM',
  119: 'ENAVAIL',
  120: 'EISNAM',
  121: 'EREMOTEIO',
  123: 'ENOMEDIUM',
  124: 'EMEDIUMTYPE',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
  130: 'EOWNERDEAD',
  131: 'ENOTRECOVERABLE',
  132: 'ERFKILL',
  133: 'EHWPOISON',
};

/** Two names for one number; these are the ones that errno(3) gives first on Linux. */
const PREFERRED = new Set(['EAGAIN', 'EOPNOTSUPP', 'EDEADLK']);

let names: ReadonlyMap<number, string> | undefined;

function table(): ReadonlyMap<number, string> {
  const found = new Map<number, string>(Object.entries(FURTHER).map(([number, name]) => [Number(number), name]));
  for (const [name, number] of Object.entries(constants.errno)) {
    if (!found.has(number) || PREFERRED.has(name)) found.set(number, name);
  }
  return found;
}

/** `errnoName(2)` is "ENOENT"; a number without a name is "errno 4095", and 0 is "". */
export function errnoName(errno: number): string {
  if (errno === 0) return '';
  names ??= table();
  return names.get(errno) ?? `errno ${String(errno)}`;
}
