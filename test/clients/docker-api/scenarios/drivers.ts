/** Drivers that nobody has: dockerd looks for a plugin for a quarter of a minute. They begin first. */
import { scenario } from '../runner.ts';
import { wish } from '../words.ts';

export const drivers = [
  scenario('drivers: a network without', async (s) => {
    await s.http('POST', '/networks/create', { Name: s.name, Driver: 'absent' });
  }),
  scenario('drivers: a volume without', async (s) => {
    await s.http('POST', '/volumes/create', { Name: s.name, Driver: 'absent' });
  }),
  scenario('drivers: a log without', async (s) => {
    await s.http('POST', `/containers/create?name=${s.name}`, wish({}, { LogConfig: { Type: 'absent' } }));
  }),
];
