/** @file Nothing that a project of yours would need: here the packages are taken from their sources. */
import { defaultClientConditions, defineConfig, type UserConfig } from "vite";

const config: UserConfig = defineConfig({
  root: import.meta.dirname,
  resolve: { conditions: ["@tapeloop/source", ...defaultClientConditions] },
  build: { target: "es2023" },
});

export default config;
