/** What is kept of secrets, and what is shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { prepareSecrets, readSecrets, withoutSecrets } from '../../../daemon/engine/secrets/secrets.ts';

test('a target is a file below /run/secrets, or one with an absolute path, and nothing of the kernel’s', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', '..', '.', '', 'proc', 'run', 'secrets', 'dev'), { maxLength: 5 }),
      async (parts) => {
        const target = parts.join('/');
        try {
          const [kept] = await prepareSecrets({ secrets: [{ target, data: '' }] });
          assert.match(kept?.path ?? '', /^\/(?!proc(\/|$)|sys(\/|$)|dev(\/|$)).+/);
          assert.ok(target.startsWith('/') || kept?.path.startsWith('/run/secrets/'));
          assert.ok(!kept?.path.split('/').includes('..') && kept?.path !== '/run/secrets');
        } catch (error) {
          assert.equal((error as { field?: string }).field, 'secrets[0].target');
        }
      },
    ),
  );
});

test('the data comes out as it went in, and is shown to nobody', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
      const request = { secrets: [{ target: 'x', data: Buffer.from(bytes).toString('base64') }] };
      const [secret] = await readSecrets(await prepareSecrets(request));
      assert.deepEqual(Buffer.from(secret?.content ?? []), Buffer.from(bytes));
      assert.deepEqual(withoutSecrets(request), { secrets: [{ target: 'x', data: '***' }] });
    }),
  );
  assert.deepEqual(withoutSecrets({ pid: 'host' }), { pid: 'host' });
});

test('all together have a bound', async () => {
  const data = Buffer.alloc(500 * 1024).toString('base64');
  const secrets = Array.from({ length: 9 }, (_, index) => ({ target: `s${String(index)}`, data }));
  assert.equal((await prepareSecrets({ secrets: secrets.slice(0, 8) })).length, 8);
  await assert.rejects(prepareSecrets({ secrets }), { code: 'invalid_field', field: 'secrets[8]' });
});
