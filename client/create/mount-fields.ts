/** `--mount`: "type=bind,source=DIR,target=DIR,readonly,…" with docker's keys and their short forms. */
import { resolve } from 'node:path';
import type { Mount } from '../../shared/api/container.ts';
import { UsageError } from '../errors.ts';
import { parseFields } from '../fields.ts';
import { labelsOf } from './environment.ts';
import { modeOf, propagationOf } from './mounts.ts';

type MountType = Mount['type'];
const TYPES: readonly MountType[] = ['volume', 'bind', 'tmpfs', 'image'];

/** Without a type it is a volume, as docker has it. Throws UsageError. */
export function parseMount(text: string): Mount {
  const fields = parseFields(text, '--mount').map(({ key, value }) => new MountField(text, key, value));
  const asked = fields.findLast(({ key }) => key === 'type')?.text() ?? 'volume';
  const type = TYPES.find((name) => name === asked);
  if (type === undefined) {
    throw new UsageError(`--mount "${text}": type ${asked} is not supported`, {
      hint: `there are ${TYPES.join(', ')}`,
    });
  }
  const mount: Partial<Mount> & { type: MountType } = { type };
  for (const field of fields) {
    const isOfOther = /^(bind|volume|tmpfs|image)-/.exec(field.key);
    if (isOfOther !== null && isOfOther[1] !== type) {
      throw new UsageError(`--mount "${text}": ${field.key} is not for type=${type}`);
    }
    setField(mount, field);
  }
  const { target, source } = mount;
  if (target === undefined) throw new UsageError(`--mount "${text}" has no target`);
  if (source === undefined && (type === 'bind' || type === 'image'))
    throw new UsageError(`--mount "${text}" has no source`);
  if (source !== undefined && type === 'tmpfs') throw new UsageError(`--mount "${text}": a tmpfs has no source`);
  return { ...mount, target, ...(type === 'bind' ? { source: resolve(source ?? '') } : {}) };
}

/** One "key=value". */
class MountField {
  readonly key: string;
  readonly value: string | undefined;
  readonly #whole: string;

  constructor(whole: string, key: string, value: string | undefined) {
    this.#whole = whole;
    this.key = key;
    this.value = value;
  }

  bad(): UsageError {
    return new UsageError(`--mount "${this.#whole}": "${this.key}" cannot be ${this.value ?? 'without a value'}`);
  }

  unknown(): UsageError {
    return new UsageError(`--mount "${this.#whole}": unknown key "${this.key}"`);
  }

  text(): string {
    if (this.value === undefined || this.value === '') throw this.bad();
    return this.value;
  }

  truth(): boolean {
    if (this.value === undefined || this.value === 'true' || this.value === '1') return true;
    if (this.value === 'false' || this.value === '0') return false;
    throw this.bad();
  }
}

function setField(mount: Partial<Mount>, field: MountField): void {
  switch (field.key) {
    case 'type':
      return;
    case 'target':
    case 'dst':
    case 'destination':
      mount.target = field.text();
      return;
    case 'source':
    case 'src':
      mount.source = field.text();
      return;
    case 'readonly':
    case 'ro':
      mount.readonly = field.truth();
      return;
    case 'idmap':
      mount.idmap = field.truth();
      return;
    case 'volume-subpath':
    case 'image-subpath':
      mount.subpath = field.text();
      return;
    case 'volume-nocopy':
      mount.noCopy = field.truth();
      return;
    case 'volume-label':
      mount.labels = { ...mount.labels, ...labelsOf([field.text()], []) };
      return;
    case 'volume-driver':
      if (field.text() !== 'local') throw field.bad();
      return;
    case 'tmpfs-size':
      mount.size = field.text();
      return;
    case 'tmpfs-mode':
      mount.mode = modeOf(field.text());
      return;
    default:
      setBindField(mount, field);
  }
}

function setBindField(mount: Partial<Mount>, field: MountField): void {
  switch (field.key) {
    case 'bind-propagation': {
      const propagation = propagationOf(field.text());
      if (propagation === undefined) throw field.bad();
      mount.propagation = propagation;
      return;
    }
    case 'bind-nonrecursive':
      mount.recursive = !field.truth();
      return;
    case 'bind-recursive':
      if (field.text() !== 'enabled' && field.text() !== 'disabled') throw field.bad();
      mount.recursive = field.text() === 'enabled';
      return;
    default:
      throw field.unknown();
  }
}
