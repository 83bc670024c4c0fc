/** What a translation has to know beside the body. */
import type { Mount } from '../../../../shared/api/container.ts';
import type { Feature } from '../../../../shared/api/system.ts';
import type { Resources } from './create-body.ts';

export interface KnownHost {
  readonly cpus: number;
  /** As `GET /v1/info` has them. */
  readonly features: Readonly<Record<string, Feature>>;
}

/** Asked for only where a body makes it matter. */
export interface Knows {
  host(): KnownHost;
  /** Whether there is something at this path of the host. */
  exists(path: string): boolean;
  /** Device nodes of the host below a directory; undefined: the path is no directory. */
  devicesBelow(path: string): readonly string[] | undefined;
  /** What another container has mounted, volumes by their names. Throws DockerError 400. */
  mountsOf(ref: string): readonly Mount[];
  /** Whole id and name of another container. Throws DockerError 400. */
  container(ref: string): { readonly id: string; readonly name: string };
}

export function lacks({ features }: KnownHost, name: string): boolean {
  return features[name]?.available === false;
}

/** What limits are made of. */
export interface Asking {
  readonly resources: Resources;
  readonly host: () => KnownHost;
  readonly warnings: string[];
  /** The container is there, and has limits of its own. */
  readonly isUpdate: boolean;
}
