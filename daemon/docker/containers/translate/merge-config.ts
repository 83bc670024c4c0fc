/** What a container is said to be configured as: its user's part, and the image's where that says nothing (runconfig, merge.go). */
import type { ImageRunConfig } from '../../../../shared/api/image.ts';
import type { CreateBody } from './create-body.ts';

type HealthConfig = NonNullable<CreateBody['Healthcheck']>;

/** The body with the image's part in its Config. */
export function withImage(body: CreateBody, image: ImageRunConfig): CreateBody {
  const { user = '', workingDir = '', stopSignal = '' } = image;
  const health = healthOf(body.Healthcheck, image.healthcheck);
  return {
    ...body,
    ...filled('User', body.User, user),
    ...filled('WorkingDir', body.WorkingDir, workingDir),
    ...filled('StopSignal', body.StopSignal, stopSignal),
    ...commandOf(body, image),
    Env: environmentOf(body.Env ?? [], image.env ?? []),
    Labels: { ...image.labels, ...body.Labels },
    ...namesOf('ExposedPorts', body.ExposedPorts, image.exposedPorts),
    ...namesOf('Volumes', body.Volumes, image.volumes),
    ...(health === undefined ? {} : { Healthcheck: health }),
  };
}

function filled<K extends string>(field: K, own: string | undefined, ofImage: string): Partial<Record<K, string>> {
  const value = own === undefined || own === '' ? ofImage : own;
  return value === '' ? {} : ({ [field]: value } as Record<K, string>);
}

function commandOf({ Cmd, Entrypoint }: CreateBody, image: ImageRunConfig): Pick<CreateBody, 'Cmd' | 'Entrypoint'> {
  const isReset = Entrypoint?.length === 1 && Entrypoint[0] === '';
  const namesEntrypoint = Entrypoint !== undefined && Entrypoint.length > 0;
  const cmd = namesEntrypoint || (Cmd ?? []).length > 0 ? Cmd : (image.cmd ?? Cmd);
  const entrypoint = Entrypoint ?? image.entrypoint;
  return {
    ...(cmd === undefined ? {} : { Cmd: cmd }),
    ...(isReset || entrypoint === undefined ? { Entrypoint: [] } : { Entrypoint: entrypoint }),
  };
}

/** A name alone takes the image's away; it stays in the list, as dockerd shows it. */
function environmentOf(own: readonly string[], ofImage: readonly string[]): string[] {
  const names = new Set(own.map(nameOf));
  return [...own, ...ofImage.filter((variable) => !names.has(nameOf(variable)))];
}

function nameOf(variable: string): string {
  return variable.split('=', 1).join('');
}

function namesOf<K extends 'ExposedPorts' | 'Volumes'>(
  field: K,
  own: CreateBody[K],
  ofImage: readonly string[] = [],
): Partial<Record<K, Readonly<Record<string, object>>>> {
  const names = [...ofImage, ...Object.keys(own ?? {})];
  if (names.length === 0) return {};
  return { [field]: Object.fromEntries(names.map((name) => [name, {}])) } as Record<K, Record<string, object>>;
}

function healthOf(own: HealthConfig | undefined, image: ImageRunConfig['healthcheck']): HealthConfig | undefined {
  if (image === undefined) return own;
  const { test, interval, timeout, startPeriod, startInterval, retries } = image;
  const words = own?.Test ?? [];
  return {
    ...(words.length > 0 ? { Test: words } : test === undefined ? {} : { Test: test }),
    ...number('Interval', own?.Interval, interval),
    ...number('Timeout', own?.Timeout, timeout),
    ...number('StartPeriod', own?.StartPeriod, startPeriod),
    ...number('StartInterval', own?.StartInterval, startInterval),
    ...number('Retries', own?.Retries, retries),
  };
}

function number<K extends string>(field: K, own = 0, ofImage = 0): Partial<Record<K, number>> {
  const value = own === 0 ? ofImage : own;
  return value === 0 ? {} : ({ [field]: value } as Record<K, number>);
}
