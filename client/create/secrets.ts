/** `--secret`: "src=FILE,target=NAME,uid=…,gid=…,mode=…", or env=NAME for what one of the user's own variables holds. */
import { basename, resolve } from 'node:path';
import type { Secret } from '../../shared/api/container.ts';
import { UsageError } from '../errors.ts';
import { parseFields } from '../fields.ts';
import { modeOf } from './mounts.ts';

/** Throws UsageError. The value of a variable is in no message. */
export function parseSecret(text: string, own: NodeJS.ProcessEnv): Secret {
  const secret: Partial<Secret> = {};
  let name: string | undefined;
  for (const { key, value = '' } of parseFields(text, '--secret')) {
    if (value === '') throw new UsageError(`--secret "${text}": ${key} has no value`);
    if (key === 'src' || key === 'source') secret.source = resolve(value);
    else if (key === 'env') name = value;
    else if (key === 'target' || key === 'dst' || key === 'destination') secret.target = value;
    else if ((key === 'uid' || key === 'gid') && /^\d{1,10}$/.test(value)) secret[key] = Number(value);
    else if (key === 'mode') secret.mode = modeOf(value);
    else {
      throw new UsageError(`--secret "${text}": ${key}=${value} is not supported`, {
        hint: 'there are src=FILE, env=NAME, target=NAME|PATH, uid=NUMBER, gid=NUMBER and mode=OCTAL',
      });
    }
  }
  if ((secret.source === undefined) === (name === undefined)) {
    throw new UsageError(`--secret "${text}" needs src=FILE or env=NAME, and not both`);
  }
  const target = secret.target ?? name ?? basename(secret.source ?? '');
  return { ...secret, target, ...(name === undefined ? {} : { data: valueOf(name, own) }) };
}

function valueOf(name: string, own: NodeJS.ProcessEnv): string {
  const value = own[name];
  if (value === undefined) throw new UsageError(`--secret: there is no environment variable ${name}`);
  return Buffer.from(value).toString('base64');
}
