#!/usr/bin/env node
// The protocol's own reference server, started and stopped as tidemarkd is.
// bench/: run-http installs it into the build directory, so that `tidemark bench --spawn` measures it
// with the same client on the same work. `--memory` keeps nothing on the disk.
import { DurableStreamTestServer } from "@durable-streams/server";

const value = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const [host, port] = (value("--listen") ?? "127.0.0.1:4437").split(":");
// It reports every slow append; nobody reads our output after the address, and a full pipe blocks.
console.info = () => {};
const server = new DurableStreamTestServer({
  host,
  port: Number(port),
  dataDir: process.argv.includes("--memory") ? undefined : value("--data"),
});
await server.start();
console.log(`listening on ${server.url}`);
process.on("SIGTERM", async () => {
  await server.stop();
  process.exit(0);
});
