/**
 * For which machines an image is. OCI image-spec 1.1, image-index.md, "platform"; architectures and variants are Go's
 * GOARCH and GOARM. What people write for them is put right as containerd does (platforms, database.go).
 */
import { ImageError, shown } from '../errors.ts';
import type { Descriptor } from './descriptor.ts';
import type { Fields } from './fields.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

const NAME = /^[A-Za-z0-9_-]{1,32}$/;
const FEATURES_MAX = 64;

const ARCHITECTURES: ReadonlyMap<string, { readonly architecture: string; readonly variant?: string }> = new Map([
  ['x86_64', { architecture: 'amd64' }],
  ['x86-64', { architecture: 'amd64' }],
  ['x64', { architecture: 'amd64' }],
  ['i386', { architecture: '386' }],
  ['ia32', { architecture: '386' }],
  ['aarch64', { architecture: 'arm64' }],
  ['armhf', { architecture: 'arm', variant: 'v7' }],
  ['armel', { architecture: 'arm', variant: 'v6' }],
  ['ppc64el', { architecture: 'ppc64le' }],
]);

/** The variant that goes without saying, and is not said. */
const USUAL_VARIANT: ReadonlyMap<string, string> = new Map([
  ['arm64', 'v8'],
  ['amd64', 'v1'],
]);
/** Without one, this is meant, and said. */
const DEFAULT_VARIANT: ReadonlyMap<string, string> = new Map([['arm', 'v7']]);

/** Variants from the least to the most; a machine of one runs those before it too. */
const VARIANTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['amd64', ['v1', 'v2', 'v3', 'v4']],
  ['arm', ['v5', 'v6', 'v7', 'v8']],
]);

/** 32-bit programs that 64-bit machines run. */
const NARROW: ReadonlyMap<string, Platform> = new Map([
  ['amd64', { os: 'linux', architecture: '386' }],
  ['arm64', { os: 'linux', architecture: 'arm', variant: 'v8' }],
]);

function normalised(os: string, architecture: string, variant: string | undefined): Platform {
  const known = ARCHITECTURES.get(architecture.toLowerCase());
  const machine = known?.architecture ?? architecture.toLowerCase();
  const said = (variant ?? known?.variant ?? DEFAULT_VARIANT.get(machine))?.toLowerCase();
  // "7" and "v7" are both in use.
  const full = said !== undefined && /^[0-9]/.test(said) ? `v${said}` : said;
  const isUsual = full === undefined || full === USUAL_VARIANT.get(machine);
  return { os: os.toLowerCase(), architecture: machine, ...(isUsual ? {} : { variant: full }) };
}

/** "linux/arm64/v8", "arm64", "linux". Throws ImageError no_such_platform where it is not of that form. */
export function parsePlatform(text: string, host: Platform = hostPlatform()): Platform {
  const words = text.split('/');
  if (words.length > 3 || !words.every((word) => NAME.test(word))) {
    throw new ImageError(
      'no_such_platform',
      `"${shown(text)}" is not a platform: os/architecture[/variant] is expected`,
    );
  }
  const [first, architecture, variant] = words;
  if (first === undefined) throw new TypeError('split gives at least one word');
  if (architecture !== undefined) return normalised(first, architecture, variant);
  const isOs = /^(?:linux|windows|darwin|freebsd)$/i.test(first);
  return isOs ? { ...host, os: first.toLowerCase() } : normalised(host.os, first, undefined);
}

/** The one this process runs on. */
export function hostPlatform(): Platform {
  return normalised('linux', process.arch, undefined);
}

/** "linux/arm/v7" */
export function platformText({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? '' : `/${variant}`}`;
}

export function parsePlatformFields(fields: Fields): Platform {
  const os = fields.text('os') ?? '';
  const architecture = fields.text('architecture') ?? '';
  const variant = fields.text('variant');
  const osVersion = fields.text('os.version');
  const osFeatures = fields.texts('os.features', FEATURES_MAX);
  return {
    ...normalised(os, architecture, variant === '' ? undefined : variant),
    ...(osVersion === undefined ? {} : { osVersion }),
    ...(osFeatures === undefined ? {} : { osFeatures }),
  };
}

function isSame(left: Platform, right: Platform): boolean {
  const one = normalised(left.os, left.architecture, left.variant);
  const other = normalised(right.os, right.architecture, right.variant);
  return one.os === other.os && one.architecture === other.architecture && one.variant === other.variant;
}

/** What may be run where `wanted` is asked for, the best first. */
export function acceptable(wanted: Platform, host: Platform = hostPlatform()): Platform[] {
  const exact = normalised(wanted.os, wanted.architecture, wanted.variant);
  const withLess = (platform: Platform): Platform[] => {
    const variants = VARIANTS.get(platform.architecture) ?? [];
    const variant = platform.variant ?? USUAL_VARIANT.get(platform.architecture);
    const rank = variant === undefined ? -1 : variants.indexOf(variant);
    if (rank === -1) return [platform];
    const upTo = variants.slice(0, rank + 1).toReversed();
    return upTo.map((name) => normalised(platform.os, platform.architecture, name));
  };
  const narrow = isSame(exact, host) ? NARROW.get(host.architecture) : undefined;
  return [...withLess(exact), ...(narrow === undefined ? [] : withLess(narrow))];
}

/**
 * The entry of an index to use for `wanted`: of those for the best platform the first, as image-index.md says. Throws
 * ImageError no_such_platform that names `what` and the platforms there are.
 */
export function choosePlatform(
  entries: readonly Descriptor[],
  what: string,
  wanted: Platform = hostPlatform(),
  host: Platform = hostPlatform(),
): Descriptor {
  for (const platform of acceptable(wanted, host)) {
    const found = entries.find((entry) => entry.platform !== undefined && isSame(entry.platform, platform));
    if (found !== undefined) return found;
  }
  // An index of one image need not say what it is for; its configuration does, and is asked later.
  const [only, ...others] = entries;
  if (only !== undefined && others.length === 0 && only.platform === undefined) return only;
  const there = new Set(entries.flatMap(({ platform }) => (platform === undefined ? [] : [platformText(platform)])));
  // What buildkit gives to attestations, which are no images.
  there.delete('unknown/unknown');
  const list = there.size === 0 ? 'none' : [...there].slice(0, 16).map(shown).join(', ');
  throw new ImageError('no_such_platform', `${what} has no image for ${platformText(wanted)}; there are: ${list}`);
}

/** Throws ImageError no_such_platform where an image of `found` does not run as `wanted`. */
export function checkPlatform(found: Platform, what: string, wanted: Platform = hostPlatform()): void {
  if (acceptable(wanted).some((platform) => isSame(platform, found))) return;
  throw new ImageError(
    'no_such_platform',
    `${what} is for ${shown(platformText(found))}, not for ${platformText(wanted)}`,
  );
}
