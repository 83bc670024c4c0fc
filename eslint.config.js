import tseslint from 'typescript-eslint';

/** A folder and what it must not import: the arrows of the house (README, "The house"). */
function wall(files, forbidden, message) {
  return {
    files,
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: forbidden, message }] }],
    },
  };
}

const KOFFI = 'koffi';
const SQLITE = 'better-sqlite3';

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'build'] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  ...tseslint.configs.stylisticTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: ['error', 'always'],
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  wall(
    ['client/**/*.ts'],
    ['**/daemon/**', '**/native-bindings/**', KOFFI, SQLITE, 'fastify'],
    'the client knows shared/ only',
  ),
  // Archives that `cp` and `build` read and write have one grammar on both sides; what reads it does nothing else.
  {
    files: ['client/copy/**/*.ts', 'client/build/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '/daemon/(?!images/tar/)|/native-bindings/|^koffi$|^better-sqlite3$|^fastify$',
              message: 'the client knows shared/ and, for cp and build, daemon/images/tar only',
            },
          ],
        },
      ],
    },
  },
  wall(
    ['shared/**/*.ts'],
    ['**/daemon/**', '**/client/**', '**/native-bindings/**', KOFFI, SQLITE],
    'shared/ knows nobody',
  ),
  wall(
    ['daemon/runtime/**/*.ts'],
    ['**/daemon/**', '../../api/**', '../../engine/**', '../../registry/**', '../../shim/**', KOFFI, SQLITE, 'fastify'],
    'the runtime knows native-bindings and shared only: no HTTP, no SQL',
  ),
  wall(
    ['daemon/registry/**/*.ts'],
    ['../api/**', '../engine/**', '../runtime/**', '../shim/**', KOFFI, 'fastify'],
    'the registry is SQL and nothing else',
  ),
  wall(
    ['daemon/shim/**/*.ts'],
    ['**/engine/**', '**/registry/**', '**/runtime/**', KOFFI, SQLITE, 'fastify'],
    'the shim protocol knows bindings and shared',
  ),
  wall(
    ['daemon/engine/**/*.ts'],
    [KOFFI, SQLITE, 'fastify', '**/api/!(engine|container|exec|event|system|common|problem).ts'],
    'the engine knows no HTTP; SQL is in the registry, koffi in native-bindings',
  ),
  wall(
    ['daemon/api/**/*.ts'],
    ['**/registry/**', '**/daemon/shim/**', '**/runtime/**', KOFFI, SQLITE],
    'the edge calls the engine and nothing behind it',
  ),
  wall(
    ['daemon/docker/**/*.ts'],
    ['**/registry/**', '**/daemon/shim/**', '**/runtime/**', KOFFI, SQLITE],
    'the edge calls the engine and nothing behind it',
  ),
  wall(
    ['daemon/network/**/*.ts'],
    [
      '../api/**',
      '../../api/**',
      '../../../api/**',
      '**/engine/**',
      '**/registry/**',
      '**/runtime/**',
      '**/daemon/shim/**',
      '../shim/**',
      KOFFI,
      SQLITE,
      'fastify',
    ],
    'the network knows native-bindings and shared only',
  ),
  wall(
    ['daemon/images/**/*.ts'],
    [
      '**/daemon/**',
      '../api/**',
      '../../api/**',
      '**/engine/**',
      '../../../registry/**',
      '**/runtime/**',
      '**/network/**',
      '../shim/**',
      '../../shim/**',
      KOFFI,
      SQLITE,
      'fastify',
    ],
    'images know native-bindings and shared only: no SQL, no HTTP of ours',
  ),
  wall(
    ['oci/**/*.ts'],
    ['**/api/**', '**/engine/**', '**/registry/**', '**/client/**', KOFFI, SQLITE, 'fastify', '@sinclair/typebox'],
    'tare-oci uses the runtime, the shim protocol and the network; it has no daemon',
  ),
  wall(['native-bindings/**/*.ts'], ['**/daemon/**', '**/client/**', SQLITE, 'fastify'], 'bindings know shared only'),
  {
    files: ['scripts/**/*.ts', 'client/**/*.ts', 'test/bench/**/*.ts', 'test/probe/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // node:test's test() and describe() return promises that its runner awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'describe', 'it', 'suite'] },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
