/** A stage while it is built: its image so far, and what the next step changes. */
import type { Variables } from '../../images/manifest/dockerfile-words.ts';
import type { ChangeState } from '../../images/manifest/changes.ts';
import type { RunConfig } from '../../images/manifest/image-config.ts';
import type { ArgumentScope } from './arguments.ts';
import type { Escape } from './dockerfile.ts';
import type { BuiltImage } from './image.ts';

export class Stage implements ChangeState {
  /** In small letters; absent: it has only its number. */
  readonly name: string | undefined;
  readonly scope: ArgumentScope;
  readonly escape: Escape;
  image: BuiltImage;
  run: RunConfig;
  hasCmd = false;
  author: string | undefined;

  constructor(name: string | undefined, image: BuiltImage, scope: ArgumentScope, escape: Escape) {
    this.name = name;
    this.image = image;
    this.run = image.config.run;
    this.author = image.config.author;
    this.scope = scope;
    this.escape = escape;
  }

  get args(): Variables {
    return this.scope.variables;
  }
}
