import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['federation/webkit/*/src/**/*.test.ts', 'hub/portal/ui/src/**/*.test.ts', 'appliance/panel/ui/src/**/*.test.ts'],
    testTimeout: 60_000, // every built script is parsed, on a machine that may be busy
  },
})
