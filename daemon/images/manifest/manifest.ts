/**
 * Manifests and indexes: OCI image-spec 1.1 (manifest.md, image-index.md) and Docker's image manifest version 2,
 * schema 2. A document that could be read as both (CVE-2021-41190) is refused, whatever its media type says.
 */
import { digestOf, type Digest } from '../digest.ts';
import { ImageError, shown } from '../errors.ts';
import { descriptorJson, parseDescriptor, parseMediaType, type Descriptor } from './descriptor.ts';
import { Fields } from './fields.ts';
import {
  checkManifestType,
  isConfigType,
  isIndexType,
  isManifestType,
  layerType,
  type IndexMediaType,
  type ImageMediaType,
  type ManifestMediaType,
} from './media-types.ts';

export interface ImageManifest {
  readonly kind: 'manifest';
  readonly mediaType: ImageMediaType;
  readonly config: Descriptor;
  /** The lowest first. */
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
}

export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: IndexMediaType;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
}

export type Manifest = ImageManifest | ImageIndex;

/** More than any overlay could be made of, by far. */
export const LAYERS_MAX = 4096;
const MANIFESTS_MAX = 4096;

const OF_MANIFEST = ['config', 'layers'];
const OF_INDEX = ['manifests'];
/** Schema 1 has these, and the others never. */
const OF_SCHEMA_1 = ['fsLayers', 'history', 'signatures'];
const KNOWN = new Set([...OF_MANIFEST, ...OF_INDEX, 'mediaType', 'schemaVersion', 'subject']);
const KNOWN_LOWER = new Map([...KNOWN].map((name) => [name.toLowerCase(), name]));

/** Go's decoder takes "Layers" for "layers": what two readers would read differently is refused. */
function checkSpelling(fields: Fields): void {
  for (const name of fields.names()) {
    const meant = KNOWN_LOWER.get(name.toLowerCase());
    if (meant !== undefined && meant !== name) fields.refuse(name, `could be taken for ${meant}`);
  }
}

function checkKind(fields: Fields, isIndex: boolean): void {
  if (fields.integer('schemaVersion', 0) !== 2) fields.refuse('schemaVersion', 'is not 2');
  const others = [...(isIndex ? OF_MANIFEST : OF_INDEX), ...OF_SCHEMA_1];
  const other = others.find((name) => fields.has(name));
  if (other !== undefined) {
    fields.refuse(other, `is in ${isIndex ? 'an index' : 'a manifest'}, where it has no place`);
  }
}

interface Common {
  annotations?: Readonly<Record<string, string>>;
  artifactType?: string;
  subject?: Descriptor;
}

function common(fields: Fields): Common {
  const annotations = fields.textMap('annotations');
  const artifactType = parseMediaType(fields, 'artifactType');
  const subject = fields.object('subject');
  return {
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined ? {} : { subject: parseDescriptor(subject) }),
  };
}

/** The type that the document and its source agree upon. Either may be silent, not both. */
function agreedType(fields: Fields, mediaType: string | undefined): ManifestMediaType {
  const own = parseMediaType(fields, 'mediaType');
  if (own !== undefined && mediaType !== undefined && own !== mediaType) {
    throw new ImageError(
      'media_type_mismatch',
      `${fields.document}: it was given as ${shown(mediaType)} and says of itself that it is ${shown(own)}`,
    );
  }
  const type = own ?? mediaType;
  if (type === undefined) throw new ImageError('unsupported_media_type', `${fields.document}: it has no media type`);
  return checkManifestType(type, fields.document);
}

/**
 * `mediaType`: what the registry's answer or a descriptor calls it; undefined where that says nothing. `document` begins
 * every message, such as "manifest sha256:…". Throws ImageError manifest_invalid, media_type_mismatch,
 * unsupported_media_type or too_large.
 */
export function parseManifest(bytes: Uint8Array, mediaType: string | undefined, document: string): Manifest {
  if (mediaType !== undefined) checkManifestType(mediaType, document);
  const fields = Fields.parse(bytes, document);
  const type = agreedType(fields, mediaType);
  checkSpelling(fields);
  checkKind(fields, isIndexType(type));
  if (isIndexType(type)) {
    const manifests = fields.required('manifests', fields.objects('manifests', MANIFESTS_MAX)).map(parseDescriptor);
    return { kind: 'index', mediaType: type, manifests, ...common(fields) };
  }
  const config = parseDescriptor(fields.required('config', fields.object('config')));
  const layers = fields.required('layers', fields.objects('layers', LAYERS_MAX)).map(parseDescriptor);
  return { kind: 'manifest', mediaType: type, config, layers, ...common(fields) };
}

/**
 * Throws ImageError unsupported_media_type where this is no image that could be run, but an artifact such as a
 * signature or a chart, or has a layer of unknown kind.
 */
export function checkRunnable(manifest: ImageManifest, document: string): void {
  const { config, layers } = manifest;
  if (!isConfigType(config.mediaType)) {
    throw new ImageError(
      'unsupported_media_type',
      `${document}: it is not an image but an artifact: its configuration is ${shown(config.mediaType)}`,
    );
  }
  for (const layer of layers) layerType(layer.mediaType, `${document}: layer ${layer.digest}`);
}

/** The media type of a descriptor of an index or manifest; entries that are neither are told by undefined. */
export function manifestTypeOf({ mediaType }: Descriptor): ManifestMediaType | undefined {
  return isManifestType(mediaType) ? mediaType : undefined;
}

export interface EncodedManifest {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly descriptor: Descriptor;
}

/** The document of a manifest or index that is made here: the same bytes for the same content. */
export function encodeManifest(manifest: Manifest): EncodedManifest {
  const { mediaType, annotations, artifactType, subject } = manifest;
  const document = {
    schemaVersion: 2,
    mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.kind === 'index'
      ? { manifests: manifest.manifests.map(descriptorJson) }
      : { config: descriptorJson(manifest.config), layers: manifest.layers.map(descriptorJson) }),
    ...(subject === undefined ? {} : { subject: descriptorJson(subject) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = digestOf(bytes);
  return { bytes, digest, descriptor: { mediaType, digest, size: bytes.length } };
}
