// Three entries in one build: patients, clinic staff, platform administrators.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const entry = (name: string) => new URL(`${name}.html`, import.meta.url).pathname;

export default defineConfig({
  plugins: [react()],
  // The server puts a fresh nonce where this stands.
  html: { cspNonce: '{{nonce}}' },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { clinic: entry('clinic'), patient: entry('patient'), platform: entry('platform') },
    },
  },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['tests/unit/**/*.test.ts', 'src/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          // Far above what any takes: a machine that does much else is no fault.
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          // One worker and one copy of the kit: a session that one file opened serves the others.
          isolate: false,
          maxWorkers: 1,
        },
      },
      {
        extends: true,
        test: { name: 'screens', include: ['tests/screens.test.ts'], testTimeout: 600_000, hookTimeout: 120_000 },
      },
    ],
  },
});
