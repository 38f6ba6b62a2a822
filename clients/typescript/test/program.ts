/** The real server, in a folder of its own. `FAENA_BIN` names the program. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env["FAENA_BIN"] ?? "";

/** For tests that need the program: why they are skipped, if they are. */
export const needsProgram = { skip: BINARY === "" && "FAENA_BIN does not name the program" };

const POSTGRES = process.env["FAENA_TEST_POSTGRES"] ?? "";

/** For tests that need a database besides. */
export const needsPostgres = {
  skip: (BINARY === "" || POSTGRES === "") && "FAENA_BIN and FAENA_TEST_POSTGRES do not name the program and a database",
};

/** The flags of servers that share the database. One that is killed is taken for dead soon. */
export function onPostgres(): string[] {
  return ["--no-maintenance", "--store", `${POSTGRES}${POSTGRES.includes("?") ? "&" : "?"}lease_ms=3000`];
}

/** A running server that can be killed and started again. */
export class Program {
  readonly #folder = mkdtempSync(join(tmpdir(), "faena-"));
  #child: ChildProcess | undefined;
  url = "";

  private constructor(
    private readonly args: readonly string[],
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** One with these settings, each `FAENA_…`, besides its flags. */
  static async start(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<Program> {
    const program = new Program(args, settings);
    await program.start();
    return program;
  }

  /** Starts it, on the address that it had before, and waits until it answers. */
  async start(): Promise<void> {
    const address = this.url.replace("http://", "") || "127.0.0.1:0";
    const args = ["serve", "--bind", address, "--data", join(this.#folder, "data"), ...this.args];
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith("FAENA_"));
    const env = { ...Object.fromEntries(others), ...this.settings };
    const log = openSync(join(this.#folder, "log"), "a");
    const child = spawn(BINARY, args, { cwd: this.#folder, env, stdio: ["ignore", "pipe", log] });
    closeSync(log);
    this.#child = child;
    const { stdout } = child;
    if (stdout === null) throw new TypeError("its output is not a pipe");
    for await (const line of createInterface(stdout)) {
      if (!line.startsWith("listening on ")) continue;
      this.url = line.slice("listening on ".length).trim();
      stdout.resume();
      return;
    }
    throw new Error(`it does not listen:\n${readFileSync(join(this.#folder, "log"), "utf8")}`);
  }

  /** No handler, no flush, no goodbye. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async close(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.#folder, { recursive: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }
}
