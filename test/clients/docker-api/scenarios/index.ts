/** All scenarios, by what they are about. */
import type { Scenario } from '../runner.ts';
import { builds } from './build.ts';
import { create } from './create.ts';
import { drivers } from './drivers.ts';
import { execs } from './exec.ts';
import { files } from './files.ts';
import { images } from './images.ts';
import { inspect } from './inspect.ts';
import { life } from './life.ts';
import { list } from './list.ts';
import { networks } from './networks.ts';
import { observe } from './observe.ts';
import { protocol } from './protocol.ts';
import { prune } from './prune.ts';
import { registry } from './registry.ts';
import { runOptions } from './run-options.ts';
import { runs } from './run.ts';
import { streams } from './streams.ts';
import { system } from './system.ts';
import { volumes } from './volumes.ts';

export const THEMES: Readonly<Record<string, readonly Scenario[]>> = {
  ...{ drivers, system, protocol, create, list, inspect, life, runs, runOptions, streams, execs, files },
  ...{ images, registry, networks, volumes, observe, builds, prune },
};
