/** OCI image-spec 1.1, descriptor.md: what content is, how much of it, and its digest. */
import type { Digest } from '../digest.ts';
import type { Fields } from './fields.ts';
import { parsePlatformFields, type Platform } from './platform.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of the entries of an index. */
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** RFC 6838 section 4.2, without parameters. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

export function parseMediaType(fields: Fields, name: string): string | undefined {
  const mediaType = fields.text(name);
  // The zero value of Go's structures is what "not said" looks like in some documents.
  if (mediaType === undefined || mediaType === '') return undefined;
  if (!MEDIA_TYPE.test(mediaType)) fields.refuse(name, 'is not a media type');
  return mediaType;
}

/** `urls` and `data` are passed over: content comes from where the image comes from, and nowhere else. */
export function parseDescriptor(fields: Fields): Descriptor {
  const annotations = fields.textMap('annotations');
  const platform = fields.object('platform');
  const artifactType = parseMediaType(fields, 'artifactType');
  return {
    mediaType: fields.required('mediaType', parseMediaType(fields, 'mediaType')),
    digest: fields.digest('digest'),
    size: fields.required('size', fields.integer('size', 0)),
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform: parsePlatformFields(platform) }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

/** The descriptor as JSON has it, names in the order of descriptor.md. */
export function descriptorJson({ mediaType, digest, size, annotations, platform, artifactType }: Descriptor): object {
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform: platformJson(platform) }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

function platformJson(platform: Platform): object {
  const { architecture, os, variant, osVersion, osFeatures } = platform;
  return {
    architecture,
    os,
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    ...(osFeatures === undefined ? {} : { 'os.features': osFeatures }),
    ...(variant === undefined ? {} : { variant }),
  };
}
